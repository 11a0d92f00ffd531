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
#include "cri/cgroup/cgroup_host.h"

namespace davit {

// `<root>/davit/shims` in every hierarchy, made once and never removed: living shims are in it when the
// daemon ends.
//
// A new shim gets there in one of two ways:
// - Join, after the spawn: one write per hierarchy.
// - On v1 hierarchies a child starts where the thread that spawned it is (a thread can be apart from its
// process there, in
//   `tasks`). So a thread that does nothing but spawn shims calls MoveCallingThread once, and then for each
//   shim JoinAfterSpawn, which writes to the v2 hierarchy alone: v2 moves whole processes only.
class ShimCgroup {
 public:
  // `root` is CgroupConfig::root. `host` is needed for the call only.
  static Result<ShimCgroup> Open(const CgroupHost& host, const std::string& root);

  const std::string& path() const { return path_; }

  // Moves the process into the cgroup, in all hierarchies.
  Result<> Join(pid_t pid) const;

  // Moves the calling thread in all v1 hierarchies. The rest of its process stays where it is.
  Result<> MoveCallingThread() const;

  // Moves a process spawned by a moved thread where that has not brought it.
  Result<> JoinAfterSpawn(pid_t pid) const;

 private:
  struct Files {
    bool v2 = false;
    UniqueFd procs;
    UniqueFd tasks;  // v1 only
  };

  ShimCgroup(std::string path, std::vector<Files> files) : path_(std::move(path)), files_(std::move(files)) {}

  std::string path_;
  std::vector<Files> files_;
};

}  // namespace davit
