// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/reconcile.h"

#include "cri/pods/phases.h"

namespace davit::cri {
namespace {

ContainerAction DecideForLive(ContainerPhase phase) {
  // An ended container that runs was given up by its start while the shim went on.
  return phases::HasEnded(phase) ? ContainerAction::kKill : ContainerAction::kAdopt;
}

}  // namespace

ContainerAction Decide(const ContainerFacts& facts) {
  bool answered = facts.shim == ShimAnswer::kAnswered;
  if (answered && facts.live) return DecideForLive(facts.recorded);
  if (facts.has_exit_record && !phases::HasEnded(facts.recorded)) return ContainerAction::kApplyExit;
  if (!phases::MayHaveProcess(facts.recorded) || facts.shim == ShimAnswer::kSilent)
    return ContainerAction::kNothing;
  if (facts.shim == ShimAnswer::kDead) return ContainerAction::kLose;
  if (phases::IsRunning(facts.recorded)) return ContainerAction::kLose;
  return facts.start_in_flight ? ContainerAction::kNothing : ContainerAction::kAbandonStart;
}

}  // namespace davit::cri
