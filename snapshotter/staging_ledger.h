// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Records which layers are not yet safe on disk, and which of them a failed write may have damaged.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit::snapshotter {

// Thread-safe. A layer is staged under a name, then committed, then synced; only a synced one survives a
// power cut. The kernel reports a failed write-back only once, to one syncfs(2), and does not say which file
// was affected: so every layer that was not synced at that moment counts as damaged.
class StagingLedger {
 public:
  // Begins a staging. kFailedPrecondition while there is one of that name.
  Result<> Begin(const std::string& staging) EXCLUDES(mutex_);
  // Ends the staging, whether it succeeded or not.
  void End(const std::string& staging) EXCLUDES(mutex_);
  bool IsStaged(const std::string& staging) const EXCLUDES(mutex_);
  // kDataLoss if it may be damaged. The staging goes on.
  Result<> CheckStaged(const std::string& staging) const EXCLUDES(mutex_);

  // What was staged has become visible as a layer, and waits for the next sync. kDataLoss if it may be
  // damaged; the caller must then remove it. In both cases the staging ends.
  Result<> Committed(const std::string& staging, const std::string& chain_id) EXCLUDES(mutex_);

  // The layers were committed by an earlier process, and wait for the next sync.
  void Adopt(const std::set<std::string>& chain_ids) EXCLUDES(mutex_);

  // The layers that a sync which begins now makes durable, if it succeeds. The caller then passes them to
  // Synced.
  std::set<std::string> Unsynced() const EXCLUDES(mutex_);
  void Synced(const std::set<std::string>& chain_ids) EXCLUDES(mutex_);
  // After a failed sync. Marks all staged layers as damaged and returns the committed layers that the caller
  // must remove.
  std::set<std::string> SyncFailed() EXCLUDES(mutex_);

 private:
  Result<> CheckLocked(const std::string& staging) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, bool> staged_ GUARDED_BY(mutex_);  // true: may be damaged
  std::set<std::string> unsynced_ GUARDED_BY(mutex_);
};

}  // namespace davit::snapshotter
