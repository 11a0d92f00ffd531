// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The end of a cgroup: its processes, then its directories. Paths are relative, as in hierarchy.h.
#pragma once

#include <string>

#include "base/error.h"
#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/hierarchy.h"

namespace davit {

constexpr int kCgroupKillTimeoutMs = 10'000;

// As CgroupHost::Kill. Where a v2 hierarchy has the cgroup, its cgroup.kill does it in one step; processes
// that are in a v1 hierarchy only are frozen, listed, signalled and thawed, until none is left.
Result<> KillCgroup(Hierarchies hierarchies, const std::string& path, int timeout_ms);

// Whether any process is in the cgroup or below it, in any hierarchy.
Result<bool> IsPopulated(Hierarchies hierarchies, const std::string& path);

// The same of one v2 cgroup: what its cgroup.events, open as `events`, says now. ENODEV once it is removed.
Result<bool> ReadPopulated(int events, const std::string& path);

// Removes the cgroup and those below it from one hierarchy, after a KillCgroup where processes are in the
// way.
Result<> RemoveCgroup(Hierarchies hierarchies, const CgroupHierarchy& hierarchy, const std::string& path);

}  // namespace davit
