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

namespace davit {

// Everything below a directory that has a project counts for the project, and asking costs one system call
// whatever the size of the tree. The owner of a file may change its project (ioctl_fsgetxattr(2)) unless it
// is in a user namespace: figures of others would be theirs to make up.
class ProjectQuota {
 public:
  // The kernel, or a test's. `directory` is a descriptor.
  struct Calls {
    // Whether the filesystem counts projects.
    std::function<bool(int directory)> counts;
    // 0: none.
    std::function<Result<uint32_t>(int directory)> project;
    // What is made in the directory from now on inherits it.
    std::function<Result<>(int directory, uint32_t project)> set_project;
    std::function<Result<DiskUsage>(int directory, uint32_t project)> usage;
  };
  static Calls Kernel();

  // Nothing when the filesystem of `directory` does not count projects, or the directory has a project
  // already: that one is the administrator's, who wants what is below it counted there.
  static std::optional<ProjectQuota> Detect(int directory, Calls calls = Kernel());

  // One project for the empty directories, which nothing counts for yet, or the one that the first of them
  // has already. All have it or, after an error, none: files do not move between directories of different
  // projects. `id` is 64 hexadecimal digits.
  Result<> Assign(const std::string& id, std::initializer_list<int> directories) const;

  // Of the directory's project; nothing when it has none.
  std::optional<DiskUsage> UsageOf(int directory) const;

 private:
  explicit ProjectQuota(Calls calls) : calls_(std::move(calls)) {}
  Result<uint32_t> Choose(const std::string& id, int directory) const;

  Calls calls_;
};

}  // namespace davit
