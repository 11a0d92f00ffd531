// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A pod's interface: a veth pair with one end on the bridge and the other, eth0, in the pod's network
// namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/names.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit {

constexpr char kPodInterface[] = "eth0";

struct VethPair {
  std::string host_name;
  std::string alias;  // of the host end; says whose it is
  uint32_t bridge_index = 0;
  uint32_t mtu = 0;  // 0: the kernel's default
  MacAddress pod_mac{};
  bool ipv6 = true;  // false: this kernel runs without IPv6
  int netns_fd = -1;
};

// Makes the pair with eth0 already in the pod's namespace and the host end up and on the bridge, in hairpin
// mode. On an error nothing is left, except that kAlreadyExists says nothing about who has the name.
Result<> CreateVeth(NetlinkSocket& host, const VethPair& pair);

// One address of a pod and the way out for its family.
struct PodAddress {
  IpAddress address;
  int prefix = 0;
  IpAddress gateway;
};

// A netlink socket inside the pod's namespace.
Result<NetlinkSocket> EnterPod(int netns_fd);

// Brings lo and eth0 up and sets addresses and default routes.
Result<> ConfigurePod(NetlinkSocket& pod, const std::vector<PodAddress>& addresses);

// Lets the host end, and a bridge whose first port it is, carry traffic now; after ConfigurePod. Their
// carrier comes on with eth0, but a kernel worker (linkwatch) acts on it some time later, and until then
// packets are dropped. Reading a link does that work.
Result<> SettleCarrier(NetlinkSocket& host, const VethPair& pair);

// Waits until the pod answers on its IPv6 addresses; last, because it mostly is done by then. The kernel
// takes an address at once, but a worker adds its local route and joins its neighbour discovery group
// (addrconf_dad_work), and what comes before that is lost, for a second where TCP must send again. Gives up
// without an error when the worker takes very long.
Result<> SettleIpv6(NetlinkSocket& pod, const std::vector<PodAddress>& addresses);

// For pods without an interface of their own.
Result<> BringLoopbackUp(int netns_fd);

}  // namespace davit
