// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Finds host ports that overlap without comparing each with each: clients determine how many there are.
#pragma once

#include <map>
#include <tuple>
#include <utility>

#include "cni/host_ports.h"

namespace davit::cni {

// Returns entries of `index` that overlap `port` (one packet could match both) as a range [first, last). It
// is empty only if there are none. It has entries of all pods that have overlapping ones, if entries of
// different pods do not overlap each other.
template <typename Value>
auto Overlapping(const std::map<HostPortKey, Value>& index, const HostPort& port) {
  HostPortKey any = {port.protocol, port.port, IpAddress{port.host_ip.family, {}}};
  if (port.host_ip.IsUnspecified()) {
    HostPortKey last = any;
    std::get<IpAddress>(last).bytes.fill(0xff);
    return std::pair(index.lower_bound(any), index.upper_bound(last));
  }
  auto range = index.equal_range(any);
  return range.first == range.second ? index.equal_range(port.key()) : range;
}

}  // namespace davit::cni
