// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the kernel should have for one bridge and its pods, and what it has, as plain data. For host ports and
// rules see PortTable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cni/link.h"
#include "cni/names.h"
#include "cni/subnet.h"
#include "cni/traffic_limit.h"

namespace davit::cni {

struct BridgeDevice {
  std::string name;
  std::string alias;  // marks the device as ours
  MacAddress mac{};
  uint32_t mtu = 0;             // 0: the kernel's default
  bool filter_bridged = false;  // frames between its ports pass the rules of IPv4 and IPv6
  bool follow_uplink = false;   // `mtu` is that of the uplinks
  std::vector<Subnet> subnets = {};
  std::vector<IpAddress> gateways = {};  // its addresses, one for each subnet

  bool HasFamily(int family) const;
};

struct BridgeGoal {
  BridgeDevice device;
  std::map<std::string, std::string> pods = {};      // host interface : sandbox id, which is its alias
  std::map<std::string, TrafficLimits> limits = {};  // by host interface; of pods that have any
  std::vector<uint32_t> uplinks = {};                // indexes; empty unless follow_uplink
};

// A kernel setting below /proc/sys.
struct Setting {
  std::string name;
  std::string value;

  bool operator==(const Setting&) const = default;
};

// The settings that the goal needs, in the order in which they are to be written: for all of the host, and
// those of the device, which exist only with it.
std::vector<Setting> HostSettings(const BridgeDevice& device);
std::vector<Setting> DeviceSettings(const BridgeDevice& device, bool kernel_has_ipv6);

// What keeps a link's router advertisements working when IPv6 forwarding is switched on, if it accepts them:
// 2 instead of 1 (accept_ra in Documentation/networking/ip-sysctl.rst).
Setting RouterAdvertisements(const std::string& link);

constexpr char kIpv6Forwarding[] = "net/ipv6/conf/all/forwarding";

// What one look at the network namespace has found.
struct BridgeFacts {
  std::vector<Link> links;
  std::vector<InterfaceAddress> addresses;
  std::map<std::string, std::string> settings;  // absent: the kernel has no such setting
  TrafficFacts traffic;                         // read only if the goal has limits
  bool kernel_has_ipv6 = true;
  bool loopback_route = false;         // ::1 is local on the bridge, too
  bool bridge_netfilter = false;       // the module br_netfilter is there
  std::vector<uint32_t> uplinks = {};  // the interfaces of default routes, if they count
  // What bridge-nf-call-iptables and -ip6tables say for all bridges.
  bool filters_all_ipv4 = false;
  bool filters_all_ipv6 = false;
};

// The limits of an MTU: IPv6 needs 1,280.
inline constexpr uint32_t kMinMtu = 576, kMinMtuIpv6 = 1280, kMaxMtu = 65535;

// The smallest MTU of the uplinks, as far as the device can have it; no value without an uplink.
std::optional<uint32_t> MtuOfUplinks(const BridgeFacts& facts, const BridgeDevice& device);

}  // namespace davit::cni
