// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/clock.h"

#include <chrono>

#include "base/time.h"

namespace davit {
namespace {

class KernelClock final : public Clock {
 public:
  int64_t MonotonicMilliseconds() const override { return davit::MonotonicMilliseconds(); }
  int64_t UnixNanoseconds() const override { return davit::UnixNanoseconds(); }
  bool WaitUntil(CondVar& changed, Mutex& mutex, int64_t deadline_ms) const override REQUIRES(mutex) {
    auto left = std::chrono::milliseconds(deadline_ms - davit::MonotonicMilliseconds());
    return changed.WaitUntil(mutex, std::chrono::steady_clock::now() + left);
  }
};

}  // namespace

const Clock& SystemClock() {
  static const KernelClock clock;
  return clock;
}

}  // namespace davit
