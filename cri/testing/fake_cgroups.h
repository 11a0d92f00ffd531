// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fake cgroups that exist only as names.
#pragma once

#include <fcntl.h>

#include <map>
#include <memory>
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

  const CgroupPlacement& placement() const override { return *placement_; }
  // Takes effect with the next World::Restart.
  void Place(std::unique_ptr<CgroupPlacement> placement) { placement_ = std::move(placement); }
  std::span<const CgroupHierarchy> hierarchies() const override { return {}; }

  Result<> CreatePod(const std::string& path) const override EXCLUDES(mutex_) {
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
  Result<> Freeze(const std::string& path) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Freeze"));
    MutexLock lock(mutex_);
    frozen_.insert(path);
    return {};
  }
  Result<> Thaw(const std::string& path) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Thaw"));
    MutexLock lock(mutex_);
    frozen_.erase(path);
    return {};
  }
  Result<bool> Frozen(const std::string& path) const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return frozen_.contains(path);
  }
  Result<ContainerCgroup> CreateContainer(const std::string& path, const CgroupResources&,
                                          std::span<const DeviceRule>) const override {
    TRY(CreatePod(path));
    TRY(steps_.Take("cgroups.OpenForShim"));
    return ContainerCgroup();
  }
  Result<UniqueFd> OpenMountPoint() const override {
    TRY(steps_.Take("cgroups.OpenMountPoint"));
    return OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  }
  Result<ExecCgroups::Lease> LendToExec(ExecCgroups&, const std::string&, const std::string&) const override {
    TRY(steps_.Take("cgroups.LendToExec"));
    return ExecCgroups::Lease(/*owner=*/nullptr, ExecCgroup::None());
  }
  Result<> Kill(const std::string&) const override { return steps_.Take("cgroups.Kill"); }
  Result<> Remove(const std::string& path) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Remove"));
    MutexLock lock(mutex_);
    paths_.erase(path);
    frozen_.erase(path);
    return {};
  }

  Result<std::vector<std::string>> Children(const std::string& path) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Children"));
    MutexLock lock(mutex_);
    std::set<std::string> names;
    for (const std::string& known : paths_) {
      if (known.starts_with(path + "/"))
        names.insert(
            known.substr(path.size() + 1).substr(0, known.find('/', path.size() + 1) - path.size() - 1));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<bool> Populated(const std::string& path) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("cgroups.Populated"));
    MutexLock lock(mutex_);
    return populated_.contains(path);
  }

  // A cgroup that another program, or a daemon before this one, has made.
  void Seed(const std::string& path, bool populated = false) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    paths_.insert(path);
    if (populated) populated_.insert(path);
  }
  std::set<std::string> paths() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return paths_;
  }
  std::set<std::string> frozen() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return frozen_;
  }
  int updates(const std::string& path) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    auto found = updates_.find(path);
    return found == updates_.end() ? 0 : found->second;
  }

 private:
  Steps& steps_;
  std::unique_ptr<CgroupPlacement> placement_ = std::make_unique<CgroupfsPlacement>("/");
  mutable Mutex mutex_;
  mutable std::set<std::string> paths_ GUARDED_BY(mutex_);
  mutable std::set<std::string> frozen_ GUARDED_BY(mutex_);
  std::set<std::string> populated_ GUARDED_BY(mutex_);  // of those that were seeded
  mutable std::map<std::string, int> updates_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
