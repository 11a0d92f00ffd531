// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port through which the daemon's verbs use the cgroups of containers and pods.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/device_rule.h"
#include "cri/host/cgroup/exec_cgroup.h"
#include "cri/host/cgroup/hierarchy.h"
#include "cri/host/cgroup/placeholder.h"
#include "cri/host/cgroup/placement.h"
#include "cri/host/cgroup/resources.h"

namespace davit::cri {

// The descriptors that a shim needs of its container's cgroup (FdRole in shim/protocol.h).
//
// The way in which a process joins a cgroup makes a difference of milliseconds. Writing the pid of another
// process takes the kernel's fork lock (cgroup_threadgroup_rwsem) for writing, which waits for an RCU grace
// period unless another thread did so a moment before: 8 to 15 ms measured. Two ways take no such lock: a
// child writes "0", for itself, to v1's `tasks` (10 µs), and clone3(2) with CLONE_INTO_CGROUP on v2.
struct ShimCgroupFds {
  // One per hierarchy, O_RDWR: cgroup.procs on v2 (first, if there is a v2 hierarchy) and `tasks` on v1. All
  // accept the pid of a process with one thread, or "0" for the caller.
  std::vector<UniqueFd> procs;
  UniqueFd unified;  // its v2 directory, for CLONE_INTO_CGROUP; empty without v2
  UniqueFd kill;     // cgroup.kill; empty without v2
  UniqueFd oom;      // memory.oom_control or memory.events; empty without the controller
  // memory.events of the parent, where somebody else removes the cgroup as soon as it has no process (systemd
  // does), and what `oom` has counted with it; else empty.
  UniqueFd parent_oom;
};

// A container's new cgroup.
struct ContainerCgroup {
  ShimCgroupFds fds;
  // To be kept until the container's first process is in the cgroup, or has failed to start.
  Placeholder placeholder;
};

// Implemented by CgroupHost (the driver "cgroupfs") and SystemdCgroups. Thread-safe, except that each path
// may have only one caller at a time. A path is relative to the root of every hierarchy and the same in all:
// "/kubepods/podX/ID". It may have been chosen by the other driver.
class Cgroups {
 public:
  virtual ~Cgroups() = default;

  // Chooses the paths of new pods and containers.
  virtual const CgroupPlacement& placement() const = 0;
  // For reading statistics.
  virtual std::span<const CgroupHierarchy> hierarchies() const = 0;

  // Creates the cgroup of a pod, without limits.
  virtual Result<> CreatePod(const std::string& path) const = 0;
  // Creates the cgroup, and its missing parents, in all hierarchies, ready for processes to join. An existing
  // empty cgroup of that name is replaced. A failure removes everything that was created. If `devices` is
  // empty, the cgroup gets no device filter of its own; the filters of its ancestors apply.
  virtual Result<ContainerCgroup> CreateContainer(const std::string& path, const CgroupResources& resources,
                                                  std::span<const DeviceRule> devices) const = 0;

  // Writes the fields that are set. A memory limit below the current usage is kFailedPrecondition; no process
  // is killed. After a failure, the earlier writes stay in force.
  virtual Result<> Update(const std::string& path, const CgroupResources& resources) const = 0;

  // Freezes all processes in the cgroup and below it, and waits until they are frozen; kDeadlineExceeded if
  // some cannot be: then they go on. kUnimplemented if the host has no freezer. Frozen says whether that was
  // asked for; like Thaw, it succeeds if the cgroup does not exist.
  virtual Result<> Freeze(const std::string& path) const = 0;
  virtual Result<> Thaw(const std::string& path) const = 0;
  virtual Result<bool> Frozen(const std::string& path) const = 0;

  // An O_PATH descriptor of the mount point, for a container's own view of the hierarchies.
  virtual Result<UniqueFd> OpenMountPoint() const = 0;

  // A cgroup from `execs` (exec_cgroup.h) for one exec in the container whose cgroup is `path`.
  virtual Result<ExecCgroups::Lease> LendToExec(ExecCgroups& execs, const std::string& path,
                                                const std::string& exec_id) const = 0;

  // Kills all processes in the cgroup and below it, and waits until they have ended; kDeadlineExceeded if
  // some have not. Like Remove, succeeds if the cgroup does not exist, and for an invalid path, which an old
  // record may contain.
  virtual Result<> Kill(const std::string& path) const = 0;
  // Removes the cgroup and everything below it; processes in it are killed. Idempotent.
  virtual Result<> Remove(const std::string& path) const = 0;

  // The sorted names of the direct children of `path`; empty if it does not exist.
  virtual Result<std::vector<std::string>> Children(const std::string& path) const = 0;
  // Whether the cgroup or one below it has processes; false if it does not exist.
  virtual Result<bool> Populated(const std::string& path) const = 0;
};

}  // namespace davit::cri
