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

// Whether others are in the container's PID namespace before it: with CAP_SYS_PTRACE they see whatever a
// process in there sees and has open. In a pod with a user namespace they have no rights over one of ours.
bool MayBeWatched(const ContainerPlan& plan);

// What the waiting process needs of the shim's descriptors: it must have no others. The shim's procfs is
// among them only in a user namespace, and only until it has opened its exec_profile.
std::vector<int> DescriptorsOfWaitingInit(const InitInputs& inputs, int sync, int handover);

// RunContainerInit in two processes: one builds the file tree, sends it to `handover` and ends, one waits for
// it and becomes the container's first. The first process of a PID namespace in a user namespace makes that
// namespace from inside the user namespace, and the builder is cloned into it with the host's rights. Of a
// container that may be watched the builder, which has the host's files in its hands, stays outside the PID
// namespace, and the waiting process sends it the one thing that has to be made inside, procfs.
[[noreturn]] void RunTreeBuilder(InitInputs& inputs, int sync, int handover);
[[noreturn]] void RunWaitingInit(InitInputs& inputs, int sync, int handover);

}  // namespace davit
