// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroup of the shims. It is outside the pods' cgroups, because the kubelet kills the processes in those
// and their limits are for the pods' own processes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/cgroup_host.h"

namespace davit::cri {

// One cgroup in every hierarchy. Created where it is missing and never removed: shims stay alive in it when
// the daemon ends.
//
// ShimSpawner (shim_spawner.h) places shims. On v1 its thread is in this cgroup, apart from the rest of the
// daemon, and a child starts in the cgroup of the thread that creates it, at no cost. Moving the child by its
// pid can take milliseconds (see ShimCgroupFds).
class ShimCgroup {
 public:
  // `host` is needed for the call only.
  static Result<ShimCgroup> Open(const CgroupHost& host, const CgroupPath& path);

  const std::string& path() const { return path_; }

  // Moves the process into the cgroup, in all hierarchies. Can take milliseconds.
  Result<> Join(pid_t pid) const;

  // Moves only the calling thread, in all v1 hierarchies. Fast.
  Result<> MoveCallingThread() const;

  // For a child of a thread that called MoveCallingThread. On a pure v2 host, moves the child, because v2
  // moves only whole processes. Otherwise does nothing: on a hybrid host v2 has no controllers, and the shim
  // stays in the daemon's v2 cgroup.
  Result<> JoinAfterSpawn(pid_t pid) const;

 private:
  struct Files {
    bool v2 = false;
    UniqueFd procs;
    UniqueFd tasks;  // v1 only
  };

  ShimCgroup(std::string path, CgroupMode mode, std::vector<Files> files)
      : path_(std::move(path)), mode_(mode), files_(std::move(files)) {}

  std::string path_;
  CgroupMode mode_;
  std::vector<Files> files_;
};

}  // namespace davit::cri
