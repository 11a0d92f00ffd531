// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/reconcile.h"

namespace davit::cri {
namespace {

ContainerAction DecideForLive(ContainerPhase phase) {
  // An ended container that runs was given up by its start while the shim went on.
  bool ended = phase == ContainerPhase::kExited || phase == ContainerPhase::kRemoving;
  return ended ? ContainerAction::kKill : ContainerAction::kAdopt;
}

}  // namespace

ContainerAction Decide(const ContainerFacts& facts) {
  bool answered = facts.shim == ShimAnswer::kAnswered;
  bool may_live = facts.recorded == ContainerPhase::kStarting || facts.recorded == ContainerPhase::kRunning;
  bool started = may_live || facts.recorded == ContainerPhase::kCreated;
  if (answered && facts.live) return DecideForLive(facts.recorded);
  if (facts.has_exit_record && started) return ContainerAction::kApplyExit;
  if (!may_live || facts.shim == ShimAnswer::kSilent) return ContainerAction::kNothing;
  if (facts.shim == ShimAnswer::kDead) return ContainerAction::kLose;
  if (facts.recorded == ContainerPhase::kRunning) return ContainerAction::kLose;
  return facts.start_in_flight ? ContainerAction::kNothing : ContainerAction::kAbandonStart;
}

}  // namespace davit::cri
