// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How busy something is, from readings of its CPU time.
#pragma once

#include <cstdint>
#include <optional>

#include "base/thread_annotations.h"

namespace davit {

// The rate is the one between readings that clients asked for: nothing is sampled in between, so a node whose
// figures nobody reads spends nothing on them. Several clients share the readings; a reading shortly after
// another's is compared with an older one, so that each rate is over a second at least and a client that asks
// often does not spoil the figures of the one that asks rarely.
//
// Thread-safe.
class CpuRate {
 public:
  static constexpr int64_t kShortestMs = 1'000;
  // A mean over a longer time says nothing about now.
  static constexpr int64_t kLongestMs = 300'000;

  // Takes a reading of the CPU time used so far and returns the rate in billionths of a core. None for the
  // first reading of all, and when the last one was too long ago. `at_ms` is MonotonicMilliseconds.
  std::optional<uint64_t> Add(int64_t at_ms, uint64_t used_ns) EXCLUDES(mutex_);

 private:
  struct Reading {
    int64_t at_ms = 0;
    uint64_t used_ns = 0;
  };

  Mutex mutex_;
  std::optional<Reading> before_ GUARDED_BY(mutex_);  // kShortestMs older than last_ at least
  std::optional<Reading> last_ GUARDED_BY(mutex_);
};

}  // namespace davit
