// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How far a pull is, for everybody who wants to show it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "images/manifest.h"

namespace davit::images {

struct LayerProgress {
  enum class State : uint8_t {
    kWaiting,      // for its turn, or for another pull that fetches it
    kDownloading,  // it is unpacked at the same time
    kUnpacking,    // all bytes are here; unpacking ends, or waits for the layers below
    kExists,       // the store had it, or another pull has fetched it
    kDone,
  };
  std::string digest;  // of the blob
  int64_t size = 0;    // of the blob, bytes
  int64_t received = 0;
  State state = State::kWaiting;

  bool operator==(const LayerProgress&) const = default;
};

// The pull writes the latest state, and readers take a copy when they want one: a reader that is slow or
// absent costs the pull nothing. Thread-safe.
class PullProgress {
 public:
  // The manifest is known: all layers wait. Called once.
  void Begin(const std::vector<Descriptor>& layers) EXCLUDES(mutex_);
  void SetState(size_t layer, LayerProgress::State state) EXCLUDES(mutex_);
  void SetReceived(size_t layer, int64_t bytes) EXCLUDES(mutex_);

  // The layers, bottom first; empty before the manifest is known.
  std::vector<LayerProgress> Read() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::vector<LayerProgress> layers_ GUARDED_BY(mutex_);
};

// The progress of one layer's download. `progress` outlives it.
class LayerMeter {
 public:
  LayerMeter(PullProgress& progress, size_t layer) : progress_(progress), layer_(layer) {}

  // The blob is received from its first byte, also after it turned out to be wrong.
  void Begin() {
    received_ = 0;
    progress_.SetReceived(layer_, received_);
    progress_.SetState(layer_, LayerProgress::State::kDownloading);
  }
  void Add(size_t bytes) {
    received_ += static_cast<int64_t>(bytes);
    progress_.SetReceived(layer_, received_);
  }
  void Received() { progress_.SetState(layer_, LayerProgress::State::kUnpacking); }

 private:
  PullProgress& progress_;
  const size_t layer_;
  int64_t received_ = 0;
};

}  // namespace davit::images
