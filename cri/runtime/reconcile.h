// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What to do about a container when its shim is met, or is found dead or silent.
#pragma once

#include "cri/pods/pod_records.h"

namespace davit {

enum class ShimAnswer {
  kAnswered,  // and its answer says what is alive
  kSilent,    // its process lives and has not answered, or not in a form that can be read
  kDead,
};

struct ContainerFacts {
  ContainerPhase recorded = ContainerPhase::kCreated;
  ShimAnswer shim = ShimAnswer::kAnswered;
  bool live = false;             // the shim says that its init lives
  bool has_exit_record = false;  // the shim recorded an exit that the database does not have yet
  bool start_in_flight = false;  // a call of this daemon is starting it
};

enum class ContainerAction {
  kNothing,
  kAdopt,         // it runs: the record follows
  kKill,          // it runs and must not
  kApplyExit,     // take the exit record
  kAbandonStart,  // end what the shim may still do for it; a retry may start it
  kLose,          // it is gone, and nobody knows how it ended
};

// A pure function of the facts.
ContainerAction Decide(const ContainerFacts& facts);

}  // namespace davit
