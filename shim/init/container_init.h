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
#include "shim/progress.h"

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
  UniqueFd procfs;  // detached, for a builder that is not in the container's PID namespace
  const CgroupFds* cgroup = nullptr;
  Progress* progress = nullptr;
  ProcessInputs process;  // its plan is set by RunContainerInit
};

// Carries the plan out and executes its program; a failure is reported to `sync`.
[[noreturn]] void RunContainerInit(InitInputs& inputs, int sync);

// The same in two processes, one that builds the file tree and one that waits for it and becomes the
// container's first: the builder sends what it made to `handover` and ends. That is for
// - a PID namespace in a user namespace: the first process makes it from inside the user namespace, and the
//   builder is cloned into it with the host's rights;
// - a PID namespace that has others in it: with CAP_SYS_PTRACE they see whatever a process in there sees and
// has
//   open, so the builder, which has the host's files in its hands, stays outside. Only procfs has to be made
//   inside: the first process sends it to the builder.
// The second of these cases. In a pod with a user namespace others have no rights over a builder of the
// host's.
bool MayBeWatched(const ContainerPlan& plan);

// What the waiting process needs of the shim's descriptors: it must have no others.
std::vector<int> DescriptorsOfWaitingInit(const InitInputs& inputs, int sync, int handover);

[[noreturn]] void RunTreeBuilder(InitInputs& inputs, int sync, int handover);
[[noreturn]] void RunWaitingInit(InitInputs& inputs, int sync, int handover);

}  // namespace davit
