// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Decides, from the goal and one look, what has to be changed. Pure: nothing here touches the kernel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/bridge_goal.h"

namespace davit::cni {

// One change. `link` is the name of the link to change, `index` its index (0 before it is created).
struct Repair {
  enum class Kind : uint8_t {
    kCreateBridge,
    kMark,           // with our alias, which the kernel ignores at the creation
    kRename,         // the link to `value`; takes it down for a moment
    kStopSnooping,   // of multicast
    kFilterBridged,  // frames between ports
    kSetMac,
    kSetMtu,
    kWriteSetting,  // `link` is the setting's name
    kRemoveAddress,
    kAddAddress,
    kBringUp,
    kRouteLoopback,  // AddLoopbackRoute
    kMakePort,       // the link becomes a port of the bridge: up, with hairpin mode
    kLimitTraffic,   // of the pod behind the link
  };

  Kind kind = Kind::kCreateBridge;
  std::string link;
  uint32_t index = 0;
  std::string value;         // the new name or setting
  InterfaceAddress address;  // to add or remove
  TrafficLimits limits = {};

  std::string ToString() const;  // what was found: "davit0 was down", "net/ipv4/ip_forward was not 1"
};

struct RepairPlan {
  std::vector<Repair> repairs;    // in the order in which they are to be applied
  std::vector<std::string> lost;  // ids of sandboxes whose interface is gone, which nothing brings back
  std::vector<std::string> other_mtu =
      {};  // ids of sandboxes whose interface has another MTU than the bridge
};

// Plans one step towards the goal: what can be done about a bridge that exists is planned only when the look
// has found it under its name. Repeat look, plan and changes until the plan is empty. kFailedPrecondition if
// the name of the bridge belongs to a link that is not ours, or if another interface has an address in a
// subnet.
Result<RepairPlan> PlanRepairs(const BridgeGoal& goal, const BridgeFacts& facts);

// The device of this name or, if there is none, a bridge with our mark and another name; null: neither.
const Link* FindBridge(const std::vector<Link>& links, const BridgeDevice& device);

// True if the bridge has this port as it should be: up, with hairpin mode.
bool IsGoodPort(const Link& link, uint32_t bridge_index);

}  // namespace davit::cni
