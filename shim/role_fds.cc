// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/role_fds.h"

#include "base/memfd.h"
#include "shim/plan.h"

namespace davit {
namespace {

// Null for a role that takes several descriptors or is not known.
UniqueFd* Slot(RoleFds& sorted, FdRole role) {
  switch (role) {
    case FdRole::kPlan:
      return &sorted.plan;
    case FdRole::kRootfs:
      return &sorted.rootfs;
    case FdRole::kHostMounts:
      return &sorted.host_mounts;
    case FdRole::kLog:
      return &sorted.log;
    case FdRole::kSeccomp:
      return &sorted.seccomp;
    case FdRole::kCgroupKill:
      return &sorted.cgroup.kill;
    case FdRole::kCgroupOom:
      return &sorted.cgroup.oom;
    case FdRole::kCgroupDir:
      return &sorted.cgroup_dir;
    case FdRole::kTargetPid:
      return &sorted.target_pid;
    case FdRole::kStdin:
      return &sorted.stdin_fd;
    case FdRole::kStdout:
      return &sorted.stdout_fd;
    case FdRole::kStderr:
      return &sorted.stderr_fd;
    case FdRole::kCutOff:
      return &sorted.cut_off;
    case FdRole::kOutcome:
      return &sorted.outcome;
    case FdRole::kCgroupUnified:
      return &sorted.cgroup.unified;
    case FdRole::kCgroupProcs:
    case FdRole::kImage:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

Result<RoleFds> SortByRole(std::vector<UniqueFd> fds, const std::vector<FdRole>& roles) {
  if (fds.size() != roles.size()) {
    return Fail(Code::kInvalidArgument, "sort descriptors", std::to_string(fds.size()),
                "the request names " + std::to_string(roles.size()));
  }
  RoleFds sorted;
  for (size_t i = 0; i < fds.size(); ++i) {
    if (roles[i] == FdRole::kCgroupProcs) {
      sorted.cgroup.procs.push_back(std::move(fds[i]));
      continue;
    }
    if (roles[i] == FdRole::kImage) {
      sorted.images.push_back(std::move(fds[i]));
      continue;
    }
    UniqueFd* slot = Slot(sorted, roles[i]);
    if (slot == nullptr || slot->valid()) {
      return Fail(Code::kInvalidArgument, "sort descriptors",
                  "role " + std::to_string(static_cast<int>(roles[i])),
                  slot == nullptr ? "not known" : "given twice");
    }
    *slot = std::move(fds[i]);
  }
  return sorted;
}

Result<std::string> ReadPlanBytes(const UniqueFd& memfd) {
  if (!memfd) return Fail(Code::kInvalidArgument, "read plan", "memfd", "not given");
  return ReadSealedMemfd(memfd.get(), kMaxPlanBytes);
}

}  // namespace davit
