// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What went through network interfaces.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"

namespace davit {

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

// Of the links in the socket's network namespace that are up, but lo. To see a pod's from inside, use
// EnterPod's socket.
Result<std::vector<LinkCounters>> ListLinkCounters(NetlinkSocket& socket);

// The pod's end of a veth pair, from the counters of the host's end: the kernel counts what one end sends as
// what the other receives.
LinkCounters OtherEnd(const LinkCounters& host_end, const std::string& name);

}  // namespace davit
