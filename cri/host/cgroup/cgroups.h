// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroups of containers and pods, as the daemon's verbs use them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/device_rule.h"
#include "cri/host/cgroup/exec_cgroup.h"
#include "cri/host/cgroup/hierarchy.h"
#include "cri/host/cgroup/resources.h"

namespace davit {

// What a shim needs of its container's cgroup (FdRole in shim/protocol.h).
//
// How a process joins decides about milliseconds. Writing a pid takes the kernel's lock on every fork of the
// host for writing, which waits for an RCU grace period unless somebody did the same a moment ago: 8 to 15 ms
// measured. Two ways take no such lock: a child that writes "0", itself, to v1's `tasks` (10 µs), and
// clone3(2) with CLONE_INTO_CGROUP on v2.
struct ShimCgroupFds {
  // One per hierarchy, O_RDWR: cgroup.procs on v2, which is the first where there is one, and `tasks` on v1.
  // All take the pid of a process with one thread, or "0".
  std::vector<UniqueFd> procs;
  UniqueFd unified;  // the directory in the v2 hierarchy, where there is one, for CLONE_INTO_CGROUP
  UniqueFd kill;     // cgroup.kill, where there is a v2 hierarchy
  UniqueFd oom;      // memory.oom_control or memory.events, where there is a memory controller
};

// Thread-safe, with one caller at a time for one path. A path is the same in every hierarchy and seen from
// its root: "/kubepods/podX/ID".
class Cgroups {
 public:
  virtual ~Cgroups() = default;

  // Where statistics are read.
  virtual std::span<const CgroupHierarchy> hierarchies() const = 0;

  // Makes the cgroup in all hierarchies, ready for processes to join, and missing parents with it. An empty
  // leftover of that name is replaced. On failure nothing that was made stays. No device rules at all: the
  // parent's filter alone holds.
  virtual Result<> Create(const std::string& path, const CgroupResources& resources,
                          std::span<const DeviceRule> devices) const = 0;

  // Writes the fields that are set. A memory limit below what is in use is kFailedPrecondition; nobody is
  // killed for it. A failure in the middle leaves the writes before it in force.
  virtual Result<> Update(const std::string& path, const CgroupResources& resources) const = 0;

  virtual Result<ShimCgroupFds> OpenForShim(const std::string& path) const = 0;
  // O_PATH of the mount point, for a container's own view of the hierarchies.
  virtual Result<UniqueFd> OpenMountPoint() const = 0;

  // A cgroup for one exec of the container whose cgroup is `path`, out of `execs` (exec_cgroup.h).
  virtual Result<ExecCgroups::Lease> LendToExec(ExecCgroups& execs, const std::string& path,
                                                const std::string& exec_id) const = 0;

  // Removes the cgroup and everything below it; what still runs there is killed. Idempotent, and a success
  // for a path that no cgroup can have: an old record may hold one.
  virtual Result<> Remove(const std::string& path) const = 0;
};

}  // namespace davit
