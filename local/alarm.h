// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A timer on the thread of a reactor.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace davit::local {

// Rings at the earliest of the times that were asked for since it rang last. A request never fails, so that
// none is lost. Thread-safe.
class Alarm {
 public:
  // `ring` runs on the reactor's thread. `reactor` must outlive the object.
  Alarm(Reactor& reactor, std::function<void()> ring) : reactor_(reactor), ring_(std::move(ring)) {}
  ~Alarm() { End(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Makes the timer. Called once; requests from before ring now. Not on the reactor's thread.
  Result<> Begin() EXCLUDES(mutex_);
  // Waits for a ring in progress; none follows, and requests do nothing. Not on the reactor's thread.
  // Idempotent.
  void End() EXCLUDES(mutex_);

  // In `pause_ms` milliseconds; at once if that is not positive.
  void RingIn(int64_t pause_ms) EXCLUDES(mutex_);

 private:
  void Arm() REQUIRES(mutex_);
  void OnTimer() EXCLUDES(mutex_);

  Reactor& reactor_;
  const std::function<void()> ring_;
  Mutex mutex_;
  std::optional<int64_t> at_ms_ GUARDED_BY(mutex_);  // MonotonicMilliseconds
  UniqueFd timer_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
