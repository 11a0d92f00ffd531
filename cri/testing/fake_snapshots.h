// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fake root filesystems that exist only as names; a mount is a descriptor of /dev/null, unless the test has
// an image with files.
#pragma once

#include <fcntl.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/thread_annotations.h"
#include "cri/testing/steps.h"
#include "snapshotter/snapshots.h"

namespace davit::cri {

// Thread-safe.
class FakeSnapshots final : public snapshotter::Snapshots {
 public:
  explicit FakeSnapshots(Steps& steps) : steps_(steps) {}

  const std::string& root() const override { return root_; }
  bool CanIdmap() const override { return true; }

  Result<> Prepare(const std::string& container_id, const std::vector<std::string>&,
                   snapshotter::LayerLife life) override EXCLUDES(mutex_) {
    TRY(steps_.Take("snapshots.Prepare"));
    MutexLock lock(mutex_);
    if (containers_.insert(container_id).second) {
      lives_[container_id] = life;
      return {};
    }
    return Fail(Code::kAlreadyExists, "prepare", container_id, "it has a writable layer");
  }
  Result<UniqueFd> Mount(const std::string& container_id, const std::vector<std::string>&,
                         const snapshotter::FileView&) override EXCLUDES(mutex_) {
    TRY(steps_.Take("snapshots.Mount"));
    MutexLock lock(mutex_);
    if (!containers_.contains(container_id))
      return Fail(Code::kNotFound, "open container", container_id, "it has no writable layer");
    return OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  }
  Result<UniqueFd> MountImage(const std::vector<std::string>&, const snapshotter::FileView&) override
      EXCLUDES(mutex_) {
    TRY(steps_.Take("snapshots.MountImage"));
    MutexLock lock(mutex_);
    return OpenAt(AT_FDCWD, image_, O_RDONLY);
  }
  Result<UniqueFd> OpenChanges(const std::string& container_id) const override EXCLUDES(mutex_) {
    TRY(steps_.Take("snapshots.OpenChanges"));
    MutexLock lock(mutex_);
    if (!containers_.contains(container_id)) return Fail(Code::kNotFound, "open", container_id);
    return OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  }
  Result<> RemoveContainer(const std::string& container_id) override EXCLUDES(mutex_) {
    TRY(steps_.Take("snapshots.RemoveContainer"));
    MutexLock lock(mutex_);
    containers_.erase(container_id);
    lives_.erase(container_id);
    return {};
  }
  std::optional<snapshotter::UsageReading> RecentContainerUsage(const std::string&, int64_t) const override {
    return std::nullopt;
  }
  Result<> Collect(const std::set<std::string>&, const std::set<std::string>& live_containers) override
      EXCLUDES(mutex_) {
    TRY(steps_.Take("snapshots.Collect"));
    MutexLock lock(mutex_);
    std::erase_if(containers_, [&](const std::string& id) REQUIRES(mutex_) {
      return !live_containers.contains(id) && lives_.at(id) != snapshotter::LayerLife::kDurable;
    });
    return {};
  }
  Result<std::vector<std::string>> DurableLayers() const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<std::string> durable;
    for (const auto& [id, life] : lives_)
      if (life == snapshotter::LayerLife::kDurable) durable.push_back(id);
    return durable;
  }
  std::vector<Error> DeletionProblems() const override { return {}; }

  // From now on every image has the files of this directory.
  void ShowImage(std::string directory) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    image_ = std::move(directory);
  }
  // Containers with a writable layer.
  std::set<std::string> containers() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return containers_;
  }

  // What the writable layer was made for.
  snapshotter::LayerLife life(const std::string& container_id) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return lives_.at(container_id);
  }

 private:
  Steps& steps_;
  const std::string root_ = "/nowhere";
  mutable Mutex mutex_;
  std::set<std::string> containers_ GUARDED_BY(mutex_);
  std::map<std::string, snapshotter::LayerLife> lives_ GUARDED_BY(mutex_);
  std::string image_ GUARDED_BY(mutex_) = "/dev/null";
};

}  // namespace davit::cri
