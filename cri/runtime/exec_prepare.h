// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What every command in a container begins with.
#pragma once

#include <string>
#include <vector>

#include "cri/pods/pod_table.h"
#include "cri/runtime/confinement.h"
#include "cri/shims/shims.h"
#include "cri/spec/process_plan.h"

namespace davit::cri {

enum class ExecTerminal { kNone, kOwn };

// Everything that a shim needs for a command, except the standard streams.
struct PreparedExec {
  ContainerPtr container;
  std::string cgroup_path;
  ShimPtr shim;
  ExecLaunch launch;
};

// kFailedPrecondition if the container does not run.
Result<PreparedExec> PrepareExec(Confinement& confinement, const ContainerPtr& container,
                                 const std::vector<std::string>& command, ExecTerminal terminal,
                                 const ExecChanges& changes = {});

}  // namespace davit::cri
