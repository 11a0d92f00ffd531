// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits of a pod's traffic (tc(8)). All parts are outside of the pod's network namespace, where the pod
// cannot remove them: traffic into the pod passes a token bucket (tc-tbf(8)) on the host's end of its veth
// pair. Traffic out of it is redirected from there to a token bucket on a device of its own, of kind ifb:
// only what a device sends can be delayed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/link.h"
#include "cni/netlink.h"

namespace davit::cni {

struct RateLimit {
  uint64_t bits_per_second = 0;  // 0: none
  uint64_t burst_bits = 0;       // what may pass at once; 0: some 20 ms of the rate, at least 32 KiB

  bool operator==(const RateLimit&) const = default;
};

struct TrafficLimits {
  RateLimit ingress = {};  // into the pod
  RateLimit egress = {};   // out of the pod

  bool any() const { return ingress.bits_per_second != 0 || egress.bits_per_second != 0; }
  bool operator==(const TrafficLimits&) const = default;
};

// The name of the ifb device of a pod; differs from the host end's only in its first characters.
std::string IfbName(const std::string& host_interface);

// Sets the limits of the pod behind the host end `host`, and removes what there is of others. The ifb device
// gets the host end's alias. On an error, a part may be set.
Result<> LimitTraffic(NetlinkSocket& routes, const Link& host, const TrafficLimits& limits);

// What limits traffic in a network namespace.
struct TrafficFacts {
  std::map<uint32_t, uint64_t> rates;      // by link index: bytes per second of a token bucket at its root
  std::map<uint32_t, uint32_t> redirects;  // by link index: where all that it receives is redirected to
};

// Reads the token buckets of all links, and the redirects of those of kind veth whose name is in `names`.
Result<TrafficFacts> ListTrafficLimits(NetlinkSocket& routes, const std::vector<Link>& links,
                                       const std::map<std::string, TrafficLimits>& names);

// Whether the facts are as LimitTraffic leaves them. `ifb`: the pod's device, null if there is none.
bool AreLimited(const TrafficFacts& facts, const Link& host, const Link* ifb, const TrafficLimits& limits);

}  // namespace davit::cni
