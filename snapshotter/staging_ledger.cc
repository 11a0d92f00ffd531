// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/staging_ledger.h"

#include <utility>

namespace davit::snapshotter {

Result<> StagingLedger::Begin(const std::string& staging) {
  MutexLock lock(mutex_);
  if (staged_.emplace(staging, false).second) return {};
  return Fail(Code::kFailedPrecondition, "stage layer", staging, "it is being staged already");
}

void StagingLedger::End(const std::string& staging) {
  MutexLock lock(mutex_);
  staged_.erase(staging);
}

bool StagingLedger::IsStaged(const std::string& staging) const {
  MutexLock lock(mutex_);
  return staged_.contains(staging);
}

Result<> StagingLedger::CheckStaged(const std::string& staging) const {
  MutexLock lock(mutex_);
  return CheckLocked(staging);
}

Result<> StagingLedger::CheckLocked(const std::string& staging) const {
  auto staged = staged_.find(staging);
  if (staged != staged_.end() && !staged->second) return {};
  return Fail(Code::kDataLoss, "commit layer", staging, "the disk failed while it was written");
}

Result<> StagingLedger::Committed(const std::string& staging, const std::string& chain_id) {
  MutexLock lock(mutex_);
  Result<> whole = CheckLocked(staging);
  staged_.erase(staging);
  if (whole) unsynced_.insert(chain_id);
  return whole;
}

void StagingLedger::Adopt(const std::set<std::string>& chain_ids) {
  MutexLock lock(mutex_);
  unsynced_.insert(chain_ids.begin(), chain_ids.end());
}

std::set<std::string> StagingLedger::Unsynced() const {
  MutexLock lock(mutex_);
  return unsynced_;
}

void StagingLedger::Synced(const std::set<std::string>& chain_ids) {
  MutexLock lock(mutex_);
  for (const std::string& chain_id : chain_ids) unsynced_.erase(chain_id);
}

std::set<std::string> StagingLedger::SyncFailed() {
  MutexLock lock(mutex_);
  for (auto& [chain_id, damaged] : staged_) damaged = true;
  return std::exchange(unsynced_, {});
}

}  // namespace davit::snapshotter
