// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The descriptors of a kStartContainer, kExec or kAttach frame, by name.
#pragma once

#include <string>
#include <vector>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/init/cgroup_join.h"
#include "shim/protocol.h"

namespace davit::shim {

struct RoleFds {
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

// Fails with kInvalidArgument, `step` and `subject` if a descriptor's role is unknown, or occurs twice
// although it may occur only once.
Result<RoleFds> SortByRole(Descriptors fds, std::string_view step, std::string_view subject);

}  // namespace davit::shim
