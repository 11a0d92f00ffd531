// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The pause that a busy server has asked for (RFC 9110 section 10.2.3), for all requests that go to it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/thread_annotations.h"
#include "images/attempts.h"

namespace davit::images {

// Times are MonotonicMilliseconds, which the caller passes in, so that tests need not wait. Thread-safe.
class BusyPause {
 public:
  // What a request to the server has come to. Only kBusy with a retry_after_ms begins a pause. Of two pauses
  // the one that ends later counts.
  void Note(const Setback& setback, int64_t now_ms);

  // The setback that has begun the pause, with the rest of it as retry_after_ms; nullopt after its end.
  std::optional<Setback> Rest(int64_t now_ms) const;

 private:
  mutable Mutex mutex_;
  std::optional<Setback> setback_ GUARDED_BY(mutex_);
  int64_t end_ms_ GUARDED_BY(mutex_) = 0;
};

}  // namespace davit::images
