// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the kernel has announced about links, addresses and settings, and whether it concerns a bridge.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cni/bridge_goal.h"
#include "cni/netlink.h"

namespace davit::cni {

// The sum of the announcements of some time. Of each link only the last state counts: while a pod is
// attached, its interface passes through states that a working one does not have.
struct NetworkChanges {
  struct LinkState {
    Link link;
    bool deleted = false;
  };

  std::map<uint32_t, LinkState> links = {};  // by index
  std::vector<InterfaceAddress> added_addresses = {};
  std::vector<InterfaceAddress> removed_addresses = {};
  std::vector<int> forwarding_off =
      {};  // families for which somebody has switched forwarding off on the host
  std::vector<uint32_t> unlimited = {};  // indexes of links that have lost a queue or a filter
  bool default_route = false;            // one has changed, if routes are watched
  bool rules = false;                    // others have changed nftables
  bool lost = false;                     // some announcements did not reach us

  // Adds an announcement of rtnetlink(7); ignores those of other types.
  void Add(const nlmsghdr* event);
};

// True if the bridge or its pods may differ from the goal now. Errs on the side of true, except for what an
// attached or a detached pod causes by itself.
bool Concerns(const BridgeGoal& goal, uint32_t bridge_index, const NetworkChanges& changes);

}  // namespace davit::cni
