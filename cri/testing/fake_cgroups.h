// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fake cgroups that exist only as names.
#pragma once

#include <fcntl.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/thread_annotations.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/testing/steps.h"

namespace davit::cri {

// Thread-safe.
class FakeCgroups final : public Cgroups {
 public:
  explicit FakeCgroups(Steps& steps) : steps_(steps) {}

  std::span<const CgroupHierarchy> hierarchies() const override { return {}; }

  Result<> Create(const std::string& path, const CgroupResources&, std::span<const DeviceRule>) const override
      EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Create"));
    MutexLock lock(mutex_);
    paths_.insert(path);
    return {};
  }
  Result<> Update(const std::string& path, const CgroupResources&) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Update"));
    MutexLock lock(mutex_);
    ++updates_[path];
    return {};
  }
  Result<ShimCgroupFds> OpenForShim(const std::string&) const override {
    TRY(steps_.Take("cgroups.OpenForShim"));
    return ShimCgroupFds();
  }
  Result<UniqueFd> OpenMountPoint() const override {
    TRY(steps_.Take("cgroups.OpenMountPoint"));
    return OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  }
  Result<ExecCgroups::Lease> LendToExec(ExecCgroups&, const std::string&, const std::string&) const override {
    TRY(steps_.Take("cgroups.LendToExec"));
    return ExecCgroups::Lease(/*owner=*/nullptr, ExecCgroup::None());
  }
  Result<> Remove(const std::string& path) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Remove"));
    MutexLock lock(mutex_);
    paths_.erase(path);
    return {};
  }

  std::set<std::string> paths() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return paths_;
  }
  int updates(const std::string& path) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    auto found = updates_.find(path);
    return found == updates_.end() ? 0 : found->second;
  }

 private:
  Steps& steps_;
  mutable Mutex mutex_;
  mutable std::set<std::string> paths_ GUARDED_BY(mutex_);
  mutable std::map<std::string, int> updates_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
