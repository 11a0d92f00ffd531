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

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/blob_store.h"
#include "images/layer_ledger.h"
#include "images/layer_store.h"
#include "images/retention.h"

namespace davit::images {

// A leftover is a layer or a complete blob that neither an image nor a hold needs, or a partial blob that
// nobody writes. No record names it, and its time is that of its file. It stays as long as Retention says,
// and no longer than the filesystem has room. What a removed image had never becomes a leftover. Thread-safe.
class Leftovers {
 public:
  // What images need. May be called on any thread.
  struct Needs {
    // Whether an image or a hold needs the layer.
    std::function<bool(const std::string& chain_id)> layer;
    // The digests of all blobs that images keep.
    std::function<Result<std::set<std::string>>()> blobs;
  };

  // All but `needs` must outlive the object.
  Leftovers(const Retention& retention, LayerStore& layers, LayerLedger& ledger, BlobStore& blobs,
            Needs needs);
  // Ends the thread of SweepRegularly.
  ~Leftovers();

  // For the start, when images are known but containers have no holds yet: chooses the layers without an
  // image that stay, and removes the blobs that do not. Later calls of Layers return the choice.
  void TakeOver();
  const std::set<std::string>& Layers() const { return taken_over_; }

  // Removes layers that nothing uses, at once. A removal that fails leaves an orphan for the next start.
  void Remove(std::vector<std::string> chain_ids);
  // After a pull: what it has finished and no image has stays for a retry, or is removed, blobs included.
  void KeepOrRemove(std::vector<std::string> chain_ids);

  // Removes what has stayed long enough; everything, if the filesystem is short of space; and the blobs
  // `unwanted` that no image keeps. Containers must have their holds.
  void Sweep(const std::set<std::string>& unwanted = {});
  // Removes everything, whatever its age. Containers must have their holds.
  void RemoveAll();
  // Sweeps regularly from now on, on a thread. Call it once.
  void SweepRegularly();

 private:
  // Without room nothing stays.
  bool Stays(int64_t changed_ns, bool room) const;
  bool HasSpace() const { return HasRoom(blobs_.root_fd(), 0, retention_); }
  void SweepBlobs(const std::set<std::string>& unwanted, bool room);
  Result<> CollectBlobs(std::set<std::string> staying);
  void SweepLayers(bool room);
  void Run();

  const Retention& retention_;
  LayerStore& layers_;
  LayerLedger& ledger_;
  BlobStore& blobs_;
  const Needs needs_;
  std::set<std::string> taken_over_;

  Mutex mutex_;
  CondVar stopping_;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::images
