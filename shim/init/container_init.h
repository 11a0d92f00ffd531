// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Turns a fresh fork of the shim into a container's first process, which executes the user's program.
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
#include "shim/protocol.h"

namespace davit::shim {

// Collected by the shim before it forks. The pointers stay valid in the child.
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
  ProcessInputs process;  // RunContainerInit and RunWaitingInit set its plan
  WindowSize window;      // of its terminal
};

// Carries out the plan and executes its program. A failure is reported on `sync`.
[[noreturn]] void RunContainerInit(InitInputs& inputs, int sync);

// Whether other processes are in the container's PID namespace before its first one. With CAP_SYS_PTRACE they
// can see the memory and the open descriptors of every process there. In a pod with a user namespace they
// have no rights over the runtime's processes, and the result is false.
bool MayBeWatched(const ContainerPlan& plan);

// The shim's descriptors that the waiting process needs; it must have no others. The shim's procfs is among
// them only in a user namespace, and only until the process has opened its exec_profile.
std::vector<int> DescriptorsOfWaitingInit(const InitInputs& inputs, int sync, int handover);

// RunContainerInit in two processes: the builder builds the file tree, sends it on `handover` and exits; the
// waiting process receives it and becomes the container's first process. There are two reasons. In a user
// namespace, the first process creates its PID namespace from inside the user namespace, and the builder is
// cloned into that PID namespace with the host's rights. If the container may be watched, the builder, which
// has open files of the host, stays outside of the PID namespace; the waiting process sends it the procfs,
// which must be created inside.
[[noreturn]] void RunTreeBuilder(InitInputs& inputs, int sync, int handover);
[[noreturn]] void RunWaitingInit(InitInputs& inputs, int sync, int handover);

}  // namespace davit::shim
