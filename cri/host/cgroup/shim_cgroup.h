// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where the shims run: outside the pods' cgroups, whose processes the kubelet kills and whose limits are the
// pods' own.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/cgroup_host.h"

namespace davit {

// `<root>/davit/shims` in every hierarchy, made where it is missing and never removed: living shims are in it
// when the daemon ends.
//
// ShimSpawner (shim_spawner.h) places shims. Its thread lives here: on v1 a thread can be apart from its
// process, and a child starts where its thread is, which costs nothing. Moving the child by its pid can take
// milliseconds (see ShimCgroupFds).
class ShimCgroup {
 public:
  // `root` is CgroupConfig::root. `host` is needed for the call only.
  static Result<ShimCgroup> Open(const CgroupHost& host, const std::string& root);

  const std::string& path() const { return path_; }

  // Moves the process into the cgroup, in all hierarchies, with the wait.
  Result<> Join(pid_t pid) const;

  // Moves the calling thread in all v1 hierarchies, without the wait. The rest of its process stays where it
  // is.
  Result<> MoveCallingThread() const;

  // For a child of a thread so moved: joins a v2 hierarchy that has controllers, because v2 moves whole
  // processes only. On a hybrid host there is nothing to do: v2 limits and counts nothing there, and the shim
  // stays in the daemon's own.
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

}  // namespace davit
