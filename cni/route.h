// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Routes of one network namespace (rtnetlink(7)).
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

// A route through one interface. Numbers that are 0 are the kernel's choice.
struct Route {
  Subnet destination;
  IpAddress gateway;      // unspecified: what is reached is on the link
  uint32_t mtu = 0;       // of the path
  uint32_t advmss = 0;    // the TCP segment size to announce
  uint32_t priority = 0;  // the route's metric
  uint32_t table = 0;     // 0: the main table
  uint8_t scope = 0;      // RT_SCOPE_*, of IPv4 only; 0: as the gateway requires

  bool operator==(const Route&) const = default;
};

Route DefaultRoute(const IpAddress& gateway);

// What becomes of another route of the same destination, table and priority.
enum class OtherRoute : uint8_t {
  kIsReplaced,
  kStays,  // the request fails: EEXIST
};

// Appends one request.
void AddRoute(NetlinkBatch& batch, uint32_t index, const Route& route, OtherRoute other);

// The unicast routes of all tables through the interface `index`.
Result<std::vector<Route>> ListRoutes(NetlinkSocket& socket, uint32_t index);

// A second local route for ::1, by which host ports answer on ::1: answers come in on the bridge with ::1 as
// their destination once the translation is undone, and the kernel wants a local route on the interface that
// a packet came in on. It is behind the route of lo, which keeps its meaning for connections of the host.
void AddLoopbackRoute(NetlinkBatch& batch, uint32_t index);
Result<bool> HasLoopbackRoute(NetlinkSocket& socket, uint32_t index);

}  // namespace davit::cni
