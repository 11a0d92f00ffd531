// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The descriptors of one frame to a shim, each with its role.
#pragma once

#include <span>
#include <vector>

#include "base/descriptors.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/cgroup_host.h"
#include "shim/protocol.h"

namespace davit::cri {

class StartFrame {
 public:
  void Add(shim::FdRole role, UniqueFd fd) {
    AddBorrowed(role, fd.get());
    owned_.push_back(std::move(fd));
  }

  // The caller keeps `fd` open until the frame is sent.
  void AddBorrowed(shim::FdRole role, int fd) { fds_.emplace_back(role, fd); }

  void AddCgroup(ShimCgroupFds cgroup) {
    for (UniqueFd& procs : cgroup.procs) Add(shim::FdRole::kCgroupProcs, std::move(procs));
    if (cgroup.unified) Add(shim::FdRole::kCgroupUnified, std::move(cgroup.unified));
    if (cgroup.kill) Add(shim::FdRole::kCgroupKill, std::move(cgroup.kill));
    if (cgroup.oom) Add(shim::FdRole::kCgroupOom, std::move(cgroup.oom));
    if (cgroup.parent_oom) Add(shim::FdRole::kCgroupParentOom, std::move(cgroup.parent_oom));
  }
  // For a shim that does not know the role. The descriptors stay open.
  void Omit(shim::FdRole role) {
    std::erase_if(fds_, [role](const RoleFd& fd) { return fd.role == RoleNumber(role); });
  }

  std::span<const RoleFd> fds() const { return fds_; }

 private:
  std::vector<UniqueFd> owned_;
  std::vector<RoleFd> fds_;
};

}  // namespace davit::cri
