// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Turns a fresh fork of the shim into a program in a running container.
#pragma once

#include <vector>

#include "base/pid_fd.h"
#include "shim/init/cgroup_join.h"
#include "shim/init/process.h"
#include "shim/plan.h"
#include "shim/protocol.h"

namespace davit::shim {

// Collected by the shim before it forks.
struct ExecInputs {
  ProcessPlan plan;
  const PidFd* container = nullptr;  // its first process
  bool has_user_namespace = false;
  const CgroupFds* cgroup = nullptr;
  ProcessInputs process;  // its plan is set by RunExecInit
  WindowSize window;      // of its terminal
};

// The shim's descriptors that an exec needs; it closes all others first. If a process in the container's PID
// namespace may have CAP_SYS_PTRACE and so can see open descriptors, the exec must be cloned without the
// others (CloneTarget::descriptors).
std::vector<int> DescriptorsOfExec(const ExecInputs& inputs, int sync);

// Joins the container's cgroups and namespaces and executes the plan's program. A failure is reported on
// `sync`. The caller was cloned into the container's PID namespace and, if there is one, into its v2 cgroup.
[[noreturn]] void RunExecInit(ExecInputs& inputs, int sync);

}  // namespace davit::shim
