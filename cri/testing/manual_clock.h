// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A clock that a test sets.
#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.h"
#include "base/time.h"

namespace davit::cri {

// Goes like the kernel's clock, and jumps when the test says so.
class ManualClock final : public Clock {
 public:
  void Advance(std::chrono::milliseconds by) { ahead_ms_ += by.count(); }
  // The number of threads that wait.
  int waiting() const { return waiting_; }

  int64_t MonotonicMilliseconds() const override { return davit::MonotonicMilliseconds() + ahead_ms_; }
  int64_t UnixNanoseconds() const override { return davit::UnixNanoseconds() + ahead_ms_ * 1'000'000; }
  bool WaitUntil(CondVar& changed, Mutex& mutex, int64_t deadline_ms) const override REQUIRES(mutex) {
    if (MonotonicMilliseconds() >= deadline_ms) return false;
    ++waiting_;
    // Short, so that a jump is noticed soon.
    changed.WaitUntil(mutex, std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
    --waiting_;
    return MonotonicMilliseconds() < deadline_ms;
  }

 private:
  std::atomic<int64_t> ahead_ms_ = 0;
  mutable std::atomic<int> waiting_ = 0;
};

}  // namespace davit::cri
