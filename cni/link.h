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
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

struct Link {
  uint32_t index = 0;
  uint32_t flags = 0;   // IFF_*
  uint32_t master = 0;  // index of the bridge that the link is a port of; 0: none
  std::string name;
  std::string alias;  // `ip link set alias`
  std::string kind;   // "bridge", "veth"; empty for hardware
};

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

Result<std::vector<InterfaceAddress>> ListAddresses(NetlinkSocket& socket);

// Each function appends one request to a batch. IPv6 addresses are added without duplicate address detection:
// they are usable at once, and the pool ensures that they are unique.
void AddAddress(NetlinkBatch& batch, const InterfaceAddress& address);
void RemoveAddress(NetlinkBatch& batch, const InterfaceAddress& address);
void AddDefaultRoute(NetlinkBatch& batch, uint32_t index, const IpAddress& gateway);
void SetLinkUp(NetlinkBatch& batch, uint32_t index);

}  // namespace davit::cni
