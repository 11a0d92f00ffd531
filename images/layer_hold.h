// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A hold on layers or blobs, as an object.
#pragma once

#include <functional>
#include <utility>

namespace davit::images {

// Keeps layers from being removed, even if their image is removed. The destructor releases them: an object
// that needs layers has a hold as a member, so that no code path can forget the release. Holds do not survive
// a restart of the daemon. Not thread-safe.
class [[nodiscard]] LayerHold {
 public:
  LayerHold() = default;
  explicit LayerHold(std::function<void()> release) : release_(std::move(release)) {}
  ~LayerHold() { Release(); }
  LayerHold(LayerHold&& other) noexcept : release_(std::exchange(other.release_, nullptr)) {}
  LayerHold& operator=(LayerHold&& other) noexcept {
    if (this != &other) {
      Release();
      release_ = std::exchange(other.release_, nullptr);
    }
    return *this;
  }

  // Releases the layers before the destructor does. Idempotent.
  void Release() {
    if (auto release = std::exchange(release_, nullptr)) release();
  }

 private:
  std::function<void()> release_;
};

// The same for blobs (blob_store.h).
using BlobHold = LayerHold;

}  // namespace davit::images
