// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/staging_ledger.h"

#include <utility>

namespace davit::snapshotter {

Result<> StagingLedger::Begin(const std::string& chain_id) {
  MutexLock lock(mutex_);
  if (staged_.emplace(chain_id, false).second) return {};
  return Fail(Code::kFailedPrecondition, "stage layer", chain_id, "it is being staged already");
}

void StagingLedger::End(const std::string& chain_id) {
  MutexLock lock(mutex_);
  staged_.erase(chain_id);
}

bool StagingLedger::IsStaged(const std::string& chain_id) const {
  MutexLock lock(mutex_);
  return staged_.contains(chain_id);
}

Result<> StagingLedger::Committed(const std::string& chain_id) {
  MutexLock lock(mutex_);
  auto staged = staged_.find(chain_id);
  bool damaged = staged == staged_.end() || staged->second;
  if (staged != staged_.end()) staged_.erase(staged);
  if (damaged) return Fail(Code::kDataLoss, "commit layer", chain_id, "the disk failed while it was written");
  unsynced_.insert(chain_id);
  return {};
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
