// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A fake database that keeps the rows in memory.
#pragma once

#include <map>
#include <string>
#include <utility>
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
    return Put(row, "records.PutSandbox");
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
    return Put(row, "records.PutContainer");
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

  // The row is written at once. A row that its caller does not wait for is a step "Queue", all others are
  // "Put".
  PendingWrite QueueSandbox(SandboxRow row, OnWritten on_written) override EXCLUDES(mutex_) {
    return PendingWrite(Put(std::move(row), on_written ? "records.QueueSandbox" : "records.PutSandbox"));
  }
  PendingWrite QueueContainer(ContainerRow row, OnWritten on_written) override EXCLUDES(mutex_) {
    return PendingWrite(Put(std::move(row), on_written ? "records.QueueContainer" : "records.PutContainer"));
  }
  void Flush() override {}

  // Whether records can be written to disk; reported to the daemon apart from the results of writes.
  Result<> Health() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return health_;
  }
  void SetHealth(Result<> health) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    health_ = std::move(health);
  }

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
  Result<> Put(SandboxRow row, const char* step) EXCLUDES(mutex_) {
    TRY(steps_.Take(step));
    Seed(std::move(row));
    return {};
  }
  Result<> Put(ContainerRow row, const char* step) EXCLUDES(mutex_) {
    TRY(steps_.Take(step));
    Seed(std::move(row));
    return {};
  }

  Steps& steps_;
  mutable Mutex mutex_;
  std::map<std::string, SandboxRow> sandboxes_ GUARDED_BY(mutex_);
  std::map<std::string, ContainerRow> containers_ GUARDED_BY(mutex_);
  Result<> health_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
