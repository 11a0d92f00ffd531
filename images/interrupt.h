// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Why long work should stop early.
#pragma once

#include <atomic>
#include <functional>

#include "base/error.h"

namespace davit {

// Shared by all threads of one pull. Cheap to ask; `wanted` must be thread-safe.
class Interrupt {
 public:
  // Waits that cannot be woken ask this often.
  static constexpr int kAskEveryMs = 100;

  // Work is to go on as long as `wanted` says so.
  explicit Interrupt(std::function<bool()> wanted) : wanted_(std::move(wanted)) {}

  // For one thread that failed, to end the others.
  void Stop() { stopped_ = true; }

  // kCancelled when the work is to end.
  Result<> Check() const {
    if (!stopped_ && wanted_()) return {};
    return Fail(Code::kCancelled, "", "", "cancelled");
  }

 private:
  std::function<bool()> wanted_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace davit
