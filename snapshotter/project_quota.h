// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Disk usage as the filesystem itself counts it: ext4 and XFS with project quotas (quotactl(2), PRJQUOTA).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "snapshotter/disk_usage.h"

namespace davit::snapshotter {

// All files below a directory with a project count for that project, and a query is one system call, whatever
// the size of the tree. The owner of a file may change its project (ioctl_fsgetxattr(2)), except from inside
// a user namespace. So the figures can be trusted only for containers with a user namespace.
class ProjectQuota {
 public:
  // The system calls of the kernel, or those of a test. `directory` is a descriptor.
  struct Calls {
    // Whether the filesystem counts projects.
    std::function<bool(int directory)> counts;
    // The project of the directory; 0: none.
    std::function<Result<uint32_t>(int directory)> project;
    // Files that are created in the directory from now on inherit the project.
    std::function<Result<>(int directory, uint32_t project)> set_project;
    std::function<Result<DiskUsage>(int directory, uint32_t project)> usage;
  };
  static Calls Kernel();

  // nullopt if the filesystem of `directory` does not count projects, or if the directory already has a
  // project: an administrator has set that one, in order to count all files below it.
  static std::optional<ProjectQuota> Detect(int directory, Calls calls = Kernel());

  // Gives one project to all of the directories, which are empty: the one that the first directory already
  // has, or an unused one that is derived from `id`, which is 64 hexadecimal digits. After an error none of
  // them has a project, because files cannot be moved between directories of different projects.
  // kResourceExhausted if no candidate is unused.
  Result<> Assign(const std::string& id, std::initializer_list<int> directories) const;

  // The usage of the directory's project; nullopt if it has none or the query fails.
  std::optional<DiskUsage> UsageOf(int directory) const;

 private:
  explicit ProjectQuota(Calls calls) : calls_(std::move(calls)) {}
  Result<uint32_t> Choose(const std::string& id, int directory) const;

  Calls calls_;
};

}  // namespace davit::snapshotter
