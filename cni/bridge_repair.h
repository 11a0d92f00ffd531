// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Looks at a bridge, plans (bridge_plan.h) and applies the plan, until nothing differs. Everything works in
// the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/bridge_goal.h"
#include "cni/bridge_plan.h"
#include "cni/bridge_tables.h"
#include "cni/netlink.h"

namespace davit::cni {

struct PlannedBridge {
  RepairPlan plan;
  BridgeDevice device;  // of the goal
  uint32_t index = 0;   // of the bridge; 0: it does not exist
  AnswersPass answers_pass = {};
};

Result<PlannedBridge> PlanBridge(const BridgeFacts& facts, const BridgeGoal& goal);
// The same from LookAtBridge.
Result<PlannedBridge> PlanBridge(NetlinkSocket& routes, const BridgeGoal& goal);
// The same from LookAtDevice: whether the plan is empty is true for a goal without pods.
Result<PlannedBridge> PlanDevice(NetlinkSocket& routes, const BridgeDevice& device);

struct BridgeRepairs {
  std::vector<std::string> repaired;  // for people: "davit0 was down"
  // RepairPlan::lost and other_mtu of the last plan.
  std::vector<std::string> lost;
  std::vector<std::string> other_mtu;
  // Links whose traffic cannot be limited, with the reason: no fault of the bridge, and of no other pod.
  std::map<std::string, std::string> unlimited;
};

// Calls `plan` and applies what it returns, until that is nothing. Of each plan all is applied, also what
// comes after a failure; a link that has disappeared meanwhile is no error. `repairs` is filled on an error,
// too. kUnavailable: after four rounds something is left. A limit that fails is tried once and is no error.
Result<> RepairBridge(NetlinkSocket& routes, const std::function<Result<PlannedBridge>()>& plan,
                      BridgeRepairs& repairs);

// The first repairs of a plan in words, and how many more there are.
std::string Listed(const std::vector<Repair>& repairs);

}  // namespace davit::cni
