// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Traffic counters of network interfaces.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"

namespace davit::cni {

struct Traffic {
  uint64_t bytes = 0;
  uint64_t packets = 0;
  uint64_t errors = 0;
  uint64_t dropped = 0;

  bool operator==(const Traffic&) const = default;
};

struct LinkCounters {
  std::string name;
  Traffic received;
  Traffic sent;
};

// Lists all links in the socket's network namespace that are up, except loopback. For the view from inside a
// pod, use the socket of EnterPod.
Result<std::vector<LinkCounters>> ListLinkCounters(NetlinkSocket& socket);

// Computes the counters of the pod's end of a veth pair, called `name`, from those of the host's end: the
// kernel counts what one end sends as received by the other.
LinkCounters OtherEnd(const LinkCounters& host_end, const std::string& name);

}  // namespace davit::cni
