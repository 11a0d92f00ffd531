// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The last steps before the user's program, the same for a container's init and for an exec in it.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"
#include "shim/sync.h"

namespace davit::shim {

struct ProcessInputs {
  const ProcessPlan* plan = nullptr;
  const Identity* identity = nullptr;  // null: the plan's user is looked up in the container's accounts
  std::string seccomp_program;         // empty: none
  int stdio[3] = {-1, -1, -1};         // -1: the container's own /dev/null
  int terminal = -1;                   // its controlling terminal; -1: none
  int spare_null = -1;                 // used if the container has no proper /dev/null
  UniqueFd exec_profile;  // exec_profile.h; opened by the process itself if its plan has a profile
};

// Changes to the user, restricts the process as the plan says, announces the execve on `sync` and executes
// the program. The caller must be inside the container, at its root, with all the rights of the shim. Returns
// only with an error; if execve fails under a seccomp filter, exits with its errno instead (exec_outcome.h).
Error BecomeProcess(ProcessInputs inputs, int root_fd, int sync);

}  // namespace davit::shim
