// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Network interfaces of one network namespace (rtnetlink(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/names.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

struct Link {
  uint32_t index = 0;
  uint32_t flags = 0;   // IFF_*
  uint32_t master = 0;  // index of the bridge that the link is a port of; 0: none
  uint32_t mtu = 0;
  MacAddress mac{};           // zero for a link without one
  bool hairpin = false;       // of a port of a bridge: a frame may leave where it came in
  bool snooping = false;      // of a bridge: multicast snooping
  bool filters_ipv4 = false;  // of a bridge: frames pass the rules of IPv4, of IPv6
  bool filters_ipv6 = false;
  std::string name = {};
  std::string alias = {};  // `ip link set alias`
  std::string kind = {};   // "bridge", "veth"; empty for hardware
};

// Reads a message RTM_NEWLINK or RTM_DELLINK of family AF_UNSPEC.
Link ParseLink(const nlmsghdr* message);

// Returns no value if there is no link of that name.
Result<std::optional<Link>> FindLink(NetlinkSocket& socket, const std::string& name);

Result<std::vector<Link>> ListLinks(NetlinkSocket& socket);

// Deletes one link and waits for the kernel, about 30 ms. Succeeds if the link does not exist.
Result<> DeleteLink(NetlinkSocket& socket, uint32_t index);

// Deletes several links in the time of one: marks them with `group` and deletes the group in one request. Any
// other link in that group is deleted too.
Result<> DeleteLinks(NetlinkSocket& socket, std::span<const uint32_t> indexes, uint32_t group);

// An address of an interface, with the length of its subnet's prefix.
struct InterfaceAddress {
  uint32_t index = 0;
  IpAddress address;
  int prefix = 0;
  uint8_t scope = 0;  // RT_SCOPE_*
};

// Reads a message RTM_NEWADDR or RTM_DELADDR; no value for families other than IPv4 and IPv6.
std::optional<InterfaceAddress> ParseAddress(const nlmsghdr* message);

Result<std::vector<InterfaceAddress>> ListAddresses(NetlinkSocket& socket);

// Each function appends one request to a batch. IPv6 addresses are added without duplicate address detection:
// they are usable at once, and the pool ensures that they are unique.
void AddAddress(NetlinkBatch& batch, const InterfaceAddress& address);
void RemoveAddress(NetlinkBatch& batch, const InterfaceAddress& address);
void SetLinkUp(NetlinkBatch& batch, uint32_t index);

// How a bridge treats one of its ports.
struct PortOptions {
  bool hairpin = true;    // a frame may leave where it came in: a pod reaches itself through a host port
  bool isolated = false;  // no frames from or to other isolated ports
};

// Inside IFLA_LINKINFO.
void PutPortOptions(nlmsghdr* message, const PortOptions& options = {});

// The link gets no IPv6 address by itself when it comes up. Ignored at the creation of a link.
void PutNoIpv6Address(nlmsghdr* message);

// Makes the link a port of the bridge, up, in hairpin mode.
void AddPort(NetlinkBatch& batch, uint32_t index, uint32_t bridge_index);

// The interfaces of the default routes of the main table that have the lowest metric of their family, several
// if the route has several next hops.
Result<std::vector<uint32_t>> ListUplinks(NetlinkSocket& socket);
// Whether a message RTM_NEWROUTE or RTM_DELROUTE is about such a route.
bool IsDefaultRoute(const nlmsghdr* message);

void SetMtu(NetlinkBatch& batch, uint32_t index, uint32_t mtu);

}  // namespace davit::cni
