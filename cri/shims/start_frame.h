// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The descriptors of one frame to a shim, each with its role.
#pragma once

#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "cri/host/cgroup/cgroup_host.h"
#include "shim/protocol.h"

namespace davit {

class StartFrame {
 public:
  void Add(FdRole role, UniqueFd fd) {
    AddBorrowed(role, fd.get());
    owned_.push_back(std::move(fd));
  }

  // `fd` is open until the frame is sent.
  void AddBorrowed(FdRole role, int fd) {
    numbers_.push_back(fd);
    roles_.push_back(role);
  }

  void AddCgroup(ShimCgroupFds cgroup) {
    for (UniqueFd& procs : cgroup.procs) Add(FdRole::kCgroupProcs, std::move(procs));
    if (cgroup.unified) Add(FdRole::kCgroupUnified, std::move(cgroup.unified));
    if (cgroup.kill) Add(FdRole::kCgroupKill, std::move(cgroup.kill));
    if (cgroup.oom) Add(FdRole::kCgroupOom, std::move(cgroup.oom));
  }

  const std::vector<FdRole>& roles() const { return roles_; }
  std::span<const int> fds() const { return numbers_; }

 private:
  std::vector<UniqueFd> owned_;
  std::vector<int> numbers_;
  std::vector<FdRole> roles_;
};

}  // namespace davit
