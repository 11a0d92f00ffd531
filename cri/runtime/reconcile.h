// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Decides what to do with a container when the daemon connects to its shim, or finds the shim dead or silent.
#pragma once

#include "cri/pods/pod_records.h"

namespace davit::cri {

enum class ShimAnswer {
  kAnswered,  // its answer lists the live containers
  kSilent,    // its process is alive but has not answered, or not intelligibly
  kDead,
};

struct ContainerFacts {
  ContainerPhase recorded = ContainerPhase::kCreated;
  ShimAnswer shim = ShimAnswer::kAnswered;
  bool live = false;             // the shim reports that its init process is alive
  bool has_exit_record = false;  // the shim recorded an exit that is not yet in the database
  bool start_in_flight = false;  // a call of this daemon is starting it
};

enum class ContainerAction {
  kNothing,
  kAdopt,         // it runs: update the record
  kKill,          // it runs but must not: kill it
  kApplyExit,     // record the end from the exit record
  kAbandonStart,  // stop the start in the shim; a retry may start it
  kLose,          // it has ended, and its exit code is unknown
};

// A pure function of the facts.
ContainerAction Decide(const ContainerFacts& facts);

}  // namespace davit::cri
