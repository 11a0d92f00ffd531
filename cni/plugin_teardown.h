// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// When to give up a plugin that does not take a pod's network down. A DEL that fails for ever would keep the
// pod for ever; one that is given up too early leaves leases behind that only GC finds.
#pragma once

#include "cni/plugin.h"

namespace davit {

struct TeardownState {
  bool netns_gone = false;       // and the pod's interfaces with it: leases are all that can be left
  bool in_force = true;          // the node's configuration still has the plugin as it was for this pod
  bool out_of_patience = false;  // attempts have failed for long enough
};

enum class Verdict : uint8_t { kRetry, kLeaveBehind };

Verdict JudgeFailedDelete(DeleteTrouble trouble, const TeardownState& state);

// Whether `conf_dir` still has the plugin. A configuration that cannot be read may have it.
bool IsInForce(const PluginConfig& plugin, const std::string& conf_dir);

}  // namespace davit
