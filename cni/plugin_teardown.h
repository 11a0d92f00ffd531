// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Decides when to give up on a plugin that fails to tear down a pod's network. Retrying for ever would keep
// the pod for ever; giving up too early leaves leases that only GC finds.
#pragma once

#include "cni/plugin.h"

namespace davit::cni {

struct TeardownState {
  bool netns_gone = false;       // and the pod's interfaces with it: only leases can remain
  bool in_force = true;          // the node's configuration still has the same plugin with the same settings
  bool out_of_patience = false;  // attempts have failed for long enough
};

enum class Verdict : uint8_t { kRetry, kLeaveBehind };

Verdict JudgeFailedDelete(DeleteTrouble trouble, const TeardownState& state);

// True if the configuration in force (PluginSource) has the plugin, or is not known because it cannot be
// read.
bool IsInForce(const PluginConfig& plugin, const Result<PluginList>& in_force);

}  // namespace davit::cni
