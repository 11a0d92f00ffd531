// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Kills the processes of a cgroup and removes its directories. Paths are relative, as in hierarchy.h.
#pragma once

#include <string>

#include "base/error.h"
#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/hierarchy.h"

namespace davit::cri {

constexpr int kCgroupKillTimeoutMs = 10'000;

// Implements CgroupHost::Kill. In a v2 hierarchy, cgroup.kill kills all processes in one step; processes that
// are only in a v1 hierarchy are frozen, listed, killed and thawed, repeatedly until none is left.
Result<> KillCgroup(Hierarchies hierarchies, const std::string& path, int timeout_ms);

// Whether any process is in the cgroup or below it, in any hierarchy.
Result<bool> IsPopulated(Hierarchies hierarchies, const std::string& path);

// The same for one v2 cgroup, read from its cgroup.events, open as `events`. The error is ENODEV if it was
// removed.
Result<bool> ReadPopulated(int events, const std::string& path);

// Removes the cgroup and its descendants from one hierarchy; calls KillCgroup if they have processes.
Result<> RemoveCgroup(Hierarchies hierarchies, const CgroupHierarchy& hierarchy, const std::string& path);

}  // namespace davit::cri
