// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_teardown.h"

namespace davit::cni {

Verdict JudgeFailedDelete(DeleteTrouble trouble, const TeardownState& state) {
  if (state.out_of_patience) return Verdict::kLeaveBehind;
  switch (trouble) {
    case DeleteTrouble::kCannotRun:
      return Verdict::kLeaveBehind;
    case DeleteTrouble::kRefused:
      return state.netns_gone || !state.in_force ? Verdict::kLeaveBehind : Verdict::kRetry;
    case DeleteTrouble::kNoAnswer:
      return Verdict::kRetry;
  }
  return Verdict::kRetry;
}

bool IsInForce(const PluginConfig& plugin, const Result<PluginList>& in_force) {
  return in_force ? in_force->Has(plugin) : in_force.error().code != Code::kNotFound;
}

}  // namespace davit::cni
