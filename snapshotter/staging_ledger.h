// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which layers are on their way to the disk, and which of them a failed write may have damaged.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

// Thread-safe. A layer is staged, then committed, then synced; only a synced one survives a power cut. The
// kernel reports a failed write-back once, to one syncfs(2), and cannot say which file it hit: so every layer
// that was not safe on disk at that moment counts as damaged.
class StagingLedger {
 public:
  // kFailedPrecondition while another thread has the layer staged.
  Result<> Begin(const std::string& chain_id) EXCLUDES(mutex_);
  // Staging is over, whichever way.
  void End(const std::string& chain_id) EXCLUDES(mutex_);
  bool IsStaged(const std::string& chain_id) const EXCLUDES(mutex_);

  // A staged layer has become visible, and waits for the next sync. kDataLoss when it may be damaged and has
  // to go again. Either way its staging is over.
  Result<> Committed(const std::string& chain_id) EXCLUDES(mutex_);

  // What the sync that begins now will make durable, when it succeeds...
  std::set<std::string> Unsynced() const EXCLUDES(mutex_);
  void Synced(const std::set<std::string>& chain_ids) EXCLUDES(mutex_);
  // ...and what has to go when it fails. Marks everything staged as damaged.
  std::set<std::string> SyncFailed() EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<std::string, bool> staged_ GUARDED_BY(mutex_);  // true: may be damaged
  std::set<std::string> unsynced_ GUARDED_BY(mutex_);
};

}  // namespace davit
