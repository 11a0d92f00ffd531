// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/project_quota.h"

#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <initializer_list>
#include <tuple>
#include <utility>

namespace davit::snapshotter {
namespace {

// Above what /etc/projects and the kubelet (from 1048577 on) use.
constexpr uint32_t kFirstProject = 0x40000000;
constexpr size_t kDigits = 7;  // of an id, per attempt

long Quotactl(int directory, unsigned command, uint32_t id, void* data) {
  return syscall(SYS_quotactl_fd, directory, QCMD(command, PRJQUOTA), id, data);
}

bool Counts(int directory) {
  fs_quota_stat state{};
  if (Quotactl(directory, Q_XGETQSTAT, 0, &state) == 0) return (state.qs_flags & FS_QUOTA_PDQ_ACCT) != 0;
  if_dqinfo info{};
  return Quotactl(directory, Q_GETINFO, 0, &info) == 0;
}

Result<uint32_t> ProjectOf(int directory) {
  fsxattr attributes{};
  if (ioctl(directory, FS_IOC_FSGETXATTR, &attributes) < 0) return SystemError("get project", "directory");
  return attributes.fsx_projid;
}

Result<> SetProject(int directory, uint32_t project) {
  fsxattr attributes{};
  if (ioctl(directory, FS_IOC_FSGETXATTR, &attributes) < 0) return SystemError("get project", "directory");
  attributes.fsx_projid = project;
  if (project != 0)
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  else
    attributes.fsx_xflags &= ~static_cast<uint32_t>(FS_XFLAG_PROJINHERIT);
  if (ioctl(directory, FS_IOC_FSSETXATTR, &attributes) < 0) return SystemError("set project", "directory");
  return {};
}

// A project that nothing was ever counted for has no entry: ENOENT.
Result<DiskUsage> UsageOfProject(int directory, uint32_t project) {
  if_dqblk block{};
  if (Quotactl(directory, Q_GETQUOTA, project, &block) < 0) {
    if (errno == ENOENT || errno == ESRCH) return DiskUsage{};
    return SystemError("get quota", "project " + std::to_string(project));
  }
  return DiskUsage{.bytes = block.dqb_curspace, .inodes = block.dqb_curinodes};
}

}  // namespace

ProjectQuota::Calls ProjectQuota::Kernel() {
  return {Counts, ProjectOf, SetProject, UsageOfProject};
}

std::optional<ProjectQuota> ProjectQuota::Detect(int directory, Calls calls) {
  if (!calls.counts(directory)) return std::nullopt;
  Result<uint32_t> outer = calls.project(directory);
  if (!outer || *outer != 0) return std::nullopt;
  return ProjectQuota(std::move(calls));
}

Result<> ProjectQuota::Assign(const std::string& id, std::initializer_list<int> directories) const {
  uint32_t project = TRY(Choose(id, *directories.begin()));
  for (int directory : directories) {
    Result<> set = calls_.set_project(directory, project);
    if (set) continue;
    for (int other : directories) std::ignore = calls_.set_project(other, 0);
    return set;
  }
  return {};
}

Result<uint32_t> ProjectQuota::Choose(const std::string& id, int directory) const {
  uint32_t present = TRY(calls_.project(directory));
  if (present != 0) return present;
  for (size_t at = 0; at + kDigits <= id.size(); at += kDigits) {
    uint32_t number = 0;
    std::from_chars(id.data() + at, id.data() + at + kDigits, number, /*base=*/16);
    DiskUsage before = TRY(calls_.usage(directory, kFirstProject + number));
    if (before.inodes == 0) return kFirstProject + number;
  }
  return Fail(Code::kResourceExhausted, "assign project", id, "all candidates are in use");
}

std::optional<DiskUsage> ProjectQuota::UsageOf(int directory) const {
  Result<uint32_t> project = calls_.project(directory);
  if (!project || *project == 0) return std::nullopt;
  Result<DiskUsage> usage = calls_.usage(directory, *project);
  if (!usage) return std::nullopt;
  return *usage;
}

}  // namespace davit::snapshotter
