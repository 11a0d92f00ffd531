// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's cgroups, which the daemon has made.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::shim {

struct CgroupFds {
  std::vector<UniqueFd>
      procs;  // v2's cgroup.procs first where there is a v2 hierarchy, then `tasks` of each v1 hierarchy
  UniqueFd unified;  // the v2 directory: a child is cloned into it, so it need not join it
  UniqueFd kill;
  UniqueFd oom;
  UniqueFd parent_oom;
};

// Moves the calling process, which must have one thread, into every cgroup that it was not cloned into.
//
// The process writes "0" for itself, which is fast: writing a pid, or any write to cgroup.procs, takes the
// kernel's lock against all forks of the host, and that waits for an RCU grace period: 7 to 12 ms (measured
// median) instead of 0.1 ms for eight v1 hierarchies.
Result<> JoinCgroups(const CgroupFds& cgroup);

}  // namespace davit::shim
