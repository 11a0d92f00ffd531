// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Time as an interface, so that tests of long waits do not wait.
#pragma once

#include <cstdint>

#include "base/thread_annotations.h"

namespace davit {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // For deadlines. It does not go backwards.
  virtual int64_t MonotonicMilliseconds() const = 0;
  // Since 1970, UTC.
  virtual int64_t UnixNanoseconds() const = 0;
  // Waits for a notification of `changed`; wake-ups may be spurious. Returns false if `deadline_ms`
  // (MonotonicMilliseconds) has passed.
  virtual bool WaitUntil(CondVar& changed, Mutex& mutex, int64_t deadline_ms) const REQUIRES(mutex) = 0;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME. Exists as long as the process.
const Clock& SystemClock();

}  // namespace davit
