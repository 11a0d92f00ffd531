// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What pulls that did not end well leave for a retry, and when it is removed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "images/blob_store.h"
#include "images/layer_ledger.h"
#include "images/layer_store.h"
#include "images/retention.h"

namespace davit::images {

// A leftover is a layer that is neither in an image nor held, or a partial blob that nobody writes. Nothing
// else says so: the time of a leftover is that of its file. It stays as long as Retention says, and no longer
// than the filesystem has room. Layers of a removed image never become leftovers. Thread-safe.
class Leftovers {
 public:
  // All but `in_use` must outlive the object. `in_use` says whether an image or a hold needs a layer; it may
  // be called on any thread.
  Leftovers(const Retention& retention, LayerStore& layers, LayerLedger& ledger, BlobStore& blobs,
            std::function<bool(const std::string& chain_id)> in_use);
  // Ends the thread of SweepEvery.
  ~Leftovers();

  // For the start, when images are known but containers have no holds yet: chooses the layers without an
  // image that stay, and removes the partial blobs that do not. Later calls of Layers return the choice.
  void TakeOver();
  const std::set<std::string>& Layers() const { return taken_over_; }

  // Removes layers that nothing uses, at once. A removal that fails leaves an orphan for the next start.
  void Remove(std::vector<std::string> chain_ids);
  // The same after a failed pull: they stay for a retry if they may.
  void KeepOrRemove(std::vector<std::string> chain_ids);

  // Removes what has stayed long enough; everything, if the filesystem is short of space. Containers must
  // have their holds.
  void Sweep();
  // Sweeps regularly from now on, on a thread. Call it once.
  void SweepRegularly();

 private:
  bool Stays(int64_t changed_ns, bool room) const;
  bool HasSpace() const { return HasRoom(blobs_.root_fd(), 0, retention_); }
  void SweepPartialBlobs();
  void SweepLayers();
  void Run();

  const Retention& retention_;
  LayerStore& layers_;
  LayerLedger& ledger_;
  BlobStore& blobs_;
  const std::function<bool(const std::string&)> in_use_;
  std::set<std::string> taken_over_;

  Mutex mutex_;
  CondVar stopping_;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::images
