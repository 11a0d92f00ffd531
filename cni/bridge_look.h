// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include "base/error.h"
#include "cni/bridge_goal.h"
#include "cni/netlink.h"

namespace davit::cni {

// Reads from the calling thread's network namespace what a plan for the bridge needs. Changes nothing.
Result<BridgeFacts> LookAtBridge(NetlinkSocket& routes, const BridgeGoal& goal);

// The same without any link but the one of the bridge's name: the cost does not depend on the number of pods.
// Enough to find that a bridge is as it should be, not to plan its creation or its ports.
Result<BridgeFacts> LookAtDevice(NetlinkSocket& routes, const BridgeDevice& device);

}  // namespace davit::cni
