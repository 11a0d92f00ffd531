// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/role_fds.h"

namespace davit::shim {

Result<RoleFds> SortByRole(Descriptors fds, std::string_view step, std::string_view subject) {
  RoleFds sorted;
  sorted.rootfs = fds.Take(FdRole::kRootfs);
  sorted.host_mounts = fds.Take(FdRole::kHostMounts);
  sorted.log = fds.Take(FdRole::kLog);
  sorted.seccomp = fds.Take(FdRole::kSeccomp);
  sorted.cgroup_dir = fds.Take(FdRole::kCgroupDir);
  sorted.target_pid = fds.Take(FdRole::kTargetPid);
  sorted.stdin_fd = fds.Take(FdRole::kStdin);
  sorted.stdout_fd = fds.Take(FdRole::kStdout);
  sorted.stderr_fd = fds.Take(FdRole::kStderr);
  sorted.cut_off = fds.Take(FdRole::kCutOff);
  sorted.outcome = fds.Take(FdRole::kOutcome);
  sorted.images = fds.TakeAll(FdRole::kImage);
  sorted.cgroup.procs = fds.TakeAll(FdRole::kCgroupProcs);
  sorted.cgroup.kill = fds.Take(FdRole::kCgroupKill);
  sorted.cgroup.oom = fds.Take(FdRole::kCgroupOom);
  sorted.cgroup.parent_oom = fds.Take(FdRole::kCgroupParentOom);
  sorted.cgroup.unified = fds.Take(FdRole::kCgroupUnified);
  TRY(fds.ExpectNoMore(step, subject));
  return sorted;
}

}  // namespace davit::shim
