// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a fresh fork of the shim to a program in a running container.
#pragma once

#include <vector>

#include "base/pid_fd.h"
#include "shim/init/cgroup_join.h"
#include "shim/init/process.h"
#include "shim/plan.h"

namespace davit {

// Gathered by the shim before it forks.
struct ExecInputs {
  ProcessPlan plan;
  const PidFd* container = nullptr;  // its first process
  bool has_user_namespace = false;
  const CgroupFds* cgroup = nullptr;
  ProcessInputs process;  // its plan is set by RunExecInit
};

// What an exec needs of the shim's descriptors. It closes all others first; where somebody in the container's
// PID namespace has CAP_SYS_PTRACE, and so sees what it has open, it is to be born without them.
std::vector<int> DescriptorsOfExec(const ExecInputs& inputs, int sync);

// Joins the container's cgroups and namespaces and executes the plan's program; a failure is reported to
// `sync`. The caller was cloned into the container's PID namespace, and into its v2 cgroup where that is
// given.
[[noreturn]] void RunExecInit(ExecInputs& inputs, int sync);

}  // namespace davit
