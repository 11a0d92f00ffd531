// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The descriptors of a kStartContainer, kExec or kAttach frame, sorted by what they are for.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/init/cgroup_join.h"
#include "shim/protocol.h"

namespace davit {

struct RoleFds {
  UniqueFd plan;
  UniqueFd rootfs;
  UniqueFd host_mounts;
  UniqueFd log;
  UniqueFd seccomp;
  UniqueFd cgroup_dir;
  UniqueFd target_pid;
  UniqueFd stdin_fd;
  UniqueFd stdout_fd;
  UniqueFd stderr_fd;
  UniqueFd cut_off;
  UniqueFd outcome;
  std::vector<UniqueFd> images;
  CgroupFds cgroup;
};

// kInvalidArgument unless there are as many roles as descriptors, all known, and none given twice that can be
// there only once.
Result<RoleFds> SortByRole(std::vector<UniqueFd> fds, const std::vector<FdRole>& roles);

// The plan in a sealed memfd, decoded. kInvalidArgument when the descriptor is missing or not sealed.
Result<std::string> ReadPlanBytes(const UniqueFd& memfd);

}  // namespace davit
