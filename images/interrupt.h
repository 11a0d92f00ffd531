// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Cancellation of long work.
#pragma once

#include <atomic>
#include <functional>

#include "base/error.h"

namespace davit::images {

// Shared by all threads of one pull, so `wanted` must be thread-safe. Check is cheap.
class Interrupt {
 public:
  // Waits that cannot be woken call Check at this interval.
  static constexpr int kAskEveryMs = 100;

  // The work continues as long as `wanted` returns true.
  explicit Interrupt(std::function<bool()> wanted) : wanted_(std::move(wanted)) {}

  // Called by a thread that has failed, to stop the others.
  void Stop() { stopped_ = true; }

  // kCancelled if the work must stop.
  Result<> Check() const {
    if (!stopped_ && wanted_()) return {};
    return Fail(Code::kCancelled, "", "", "cancelled");
  }

 private:
  std::function<bool()> wanted_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace davit::images
