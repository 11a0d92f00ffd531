// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Keeps the rows of volumes in memory.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"
#include "cri/records/volume_store.h"
#include "cri/testing/steps.h"

namespace davit::local {

// Thread-safe.
class FakeVolumeStore final : public cri::VolumeStore {
 public:
  explicit FakeVolumeStore(cri::Steps& steps) : steps_(steps) {}

  Result<> PutVolumeDurably(const cri::VolumeRow& row) override EXCLUDES(mutex_) {
    TRY(steps_.Take("store.PutVolume"));
    Seed(row);
    return {};
  }
  Result<> DeleteVolume(const std::string& name) override EXCLUDES(mutex_) {
    TRY(steps_.Take("store.DeleteVolume"));
    MutexLock lock(mutex_);
    rows_.erase(name);
    return {};
  }
  Result<std::vector<cri::VolumeRow>> VolumeRows() const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<cri::VolumeRow> rows;
    for (const auto& [name, blob] : rows_) rows.push_back({name, blob});
    return rows;
  }
  void Seed(const cri::VolumeRow& row) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    rows_[row.name] = row.blob;
  }

 private:
  cri::Steps& steps_;
  mutable Mutex mutex_;
  std::map<std::string, std::string> rows_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
