// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a fresh fork of the shim to the user's program as a container's first process.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/init/cgroup_join.h"
#include "shim/init/pod_namespaces.h"
#include "shim/init/process.h"
#include "shim/own_mounts.h"
#include "shim/plan.h"

namespace davit {

// Gathered by the shim before it forks. Pointers outlive the fork.
struct InitInputs {
  ContainerPlan plan;
  const OwnMounts* own = nullptr;
  const PodNamespaces* pod = nullptr;
  UniqueFd rootfs;
  std::vector<UniqueFd> images;  // of kImage steps
  UniqueFd host_mounts;
  UniqueFd cgroup_dir;
  const CgroupFds* cgroup = nullptr;
  ProcessInputs process;  // its plan is set by RunContainerInit
};

// Carries the plan out and executes its program; a failure is reported to `sync`.
[[noreturn]] void RunContainerInit(InitInputs& inputs, int sync);

// The same in two processes, for a container that has a PID namespace in a user namespace. Such a PID
// namespace is made from inside the user namespace, by the container's first process, and the file tree from
// outside, with the host's rights, by one that was cloned into the PID namespace. The builder sends what it
// made to `handover` and ends.
[[noreturn]] void RunTreeBuilder(InitInputs& inputs, int sync, int handover);
[[noreturn]] void RunWaitingInit(InitInputs& inputs, int sync, int handover);

}  // namespace davit
