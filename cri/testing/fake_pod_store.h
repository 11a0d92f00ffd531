// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A fake database that keeps the rows in memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "cri/records/pod_store.h"
#include "cri/testing/steps.h"

namespace davit::cri {

// Thread-safe.
class FakePodStore final : public PodStore {
 public:
  explicit FakePodStore(Steps& steps) : steps_(steps) {}

  Result<> PutSandbox(const SandboxRow& row) override EXCLUDES(mutex_) {
    TRY(steps_.Take("records.PutSandbox"));
    MutexLock lock(mutex_);
    sandboxes_[row.id] = row;
    return {};
  }
  Result<> DeleteSandbox(const std::string& id) override EXCLUDES(mutex_) {
    TRY(steps_.Take("records.DeleteSandbox"));
    MutexLock lock(mutex_);
    sandboxes_.erase(id);
    std::erase_if(containers_, [&id](const auto& item) { return item.second.sandbox_id == id; });
    return {};
  }
  Result<std::vector<SandboxRow>> Sandboxes() const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<SandboxRow> rows;
    for (const auto& [id, row] : sandboxes_) rows.push_back(row);
    return rows;
  }

  Result<> PutContainer(const ContainerRow& row) override EXCLUDES(mutex_) {
    TRY(steps_.Take("records.PutContainer"));
    MutexLock lock(mutex_);
    containers_[row.id] = row;
    return {};
  }
  Result<> DeleteContainer(const std::string& id) override EXCLUDES(mutex_) {
    TRY(steps_.Take("records.DeleteContainer"));
    MutexLock lock(mutex_);
    containers_.erase(id);
    return {};
  }
  Result<std::vector<ContainerRow>> Containers() const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<ContainerRow> rows;
    for (const auto& [id, row] : containers_) rows.push_back(row);
    return rows;
  }

  // The row is written at once.
  PendingWrite QueueSandbox(SandboxRow row, OnWritten) override { return PendingWrite(PutSandbox(row)); }
  PendingWrite QueueContainer(ContainerRow row, OnWritten) override {
    return PendingWrite(PutContainer(row));
  }
  void Flush() override {}

  // Adds a row, as an earlier daemon would have left it.
  void Seed(SandboxRow row) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    sandboxes_[row.id] = std::move(row);
  }
  void Seed(ContainerRow row) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    containers_[row.id] = std::move(row);
  }

 private:
  Steps& steps_;
  mutable Mutex mutex_;
  std::map<std::string, SandboxRow> sandboxes_ GUARDED_BY(mutex_);
  std::map<std::string, ContainerRow> containers_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
