// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How far the layers of an image are on their way to the node or from it, for everybody who wants to show it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"
#include "images/manifest.h"
#include "images/ongoing_fetch.h"

namespace davit::images {

struct LayerProgress {
  enum class State : uint8_t {
    kWaiting,      // for its turn, or for another pull that fetches it
    kDownloading,  // it is unpacked at the same time
    kUnpacking,    // all bytes are here; unpacking ends, or waits for the layers below
    kUploading,
    kExists,   // the receiver had it, or another pull has fetched it
    kMounted,  // the registry had it in another repository
    kSkipped,  // may not be distributed: who pulls the image gets it from the URLs in its descriptor
    kDone,
  };
  std::string digest;  // of the blob
  int64_t size = 0;    // of the blob, bytes
  // Bytes received, or sent in a push. It decreases when the blob has to be transferred again.
  int64_t transferred = 0;
  State state = State::kWaiting;

  bool operator==(const LayerProgress&) const = default;
};

// The transfer writes the latest state, and readers take a copy when they want one: a reader that is slow or
// absent costs the transfer nothing. Thread-safe.
class TransferProgress {
 public:
  // These are the blobs of the transfer, and all wait. Called again if a push goes on with fewer of them.
  void Begin(const std::vector<Descriptor>& blobs) EXCLUDES(mutex_);
  void SetState(size_t blob, LayerProgress::State state) EXCLUDES(mutex_);
  void SetTransferred(size_t blob, int64_t bytes) EXCLUDES(mutex_);

  // In the order of Begin; empty before.
  std::vector<LayerProgress> Read() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::vector<LayerProgress> layers_ GUARDED_BY(mutex_);
};

// The progress of one layer's download, for the clients of its pull and for other pulls. `progress` outlives
// it.
class LayerMeter {
 public:
  LayerMeter(TransferProgress& progress, size_t layer, std::shared_ptr<OngoingFetch> fetch)
      : progress_(progress), layer_(layer), fetch_(std::move(fetch)) {}

  // The blob is received from its first byte, also after it turned out to be wrong.
  void Begin() {
    received_ = 0;
    progress_.SetTransferred(layer_, received_);
    progress_.SetState(layer_, LayerProgress::State::kDownloading);
  }
  void Add(size_t bytes) {
    received_ += static_cast<int64_t>(bytes);
    fetch_->received = received_;
    progress_.SetTransferred(layer_, received_);
  }
  void Received() { progress_.SetState(layer_, LayerProgress::State::kUnpacking); }

 private:
  TransferProgress& progress_;
  const size_t layer_;
  const std::shared_ptr<OngoingFetch> fetch_;
  int64_t received_ = 0;
};

}  // namespace davit::images
