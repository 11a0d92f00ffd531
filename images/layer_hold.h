// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Layers that somebody needs, as an object.
#pragma once

#include <functional>
#include <utility>

namespace davit {

// Layers that are held stay, also when their image is removed. Dropping the hold releases them, so whoever
// needs layers owns a hold: a member, not a step that a path may leave out. Holds are not kept over a
// restart. Not thread-safe.
class LayerHold {
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

  // Now instead of later. Idempotent.
  void Release() {
    if (auto release = std::exchange(release_, nullptr)) release();
  }

 private:
  std::function<void()> release_;
};

}  // namespace davit
