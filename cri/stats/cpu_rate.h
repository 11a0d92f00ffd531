// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CPU usage rate, computed from readings of the CPU time.
#pragma once

#include <cstdint>
#include <optional>

#include "base/thread_annotations.h"

namespace davit::cri {

// The rate is computed between readings that clients request. There is no sampling in the background, so a
// node whose figures are never read spends no time on them. Several clients share the readings. A reading
// soon after another one is compared with an older one: so each rate covers at least a second, and a client
// that asks often does not distort the figures of one that asks rarely.
//
// Thread-safe.
class CpuRate {
 public:
  static constexpr int64_t kShortestMs = 1'000;
  // A mean over a longer time says nothing about the present.
  static constexpr int64_t kLongestMs = 300'000;

  // Adds a reading of the CPU time used so far and returns the rate in billionths of a core. nullopt for the
  // first reading and those less than a second after it, after kLongestMs without a reading, and if the time
  // went backwards (a new cgroup). `at_ms` is MonotonicMilliseconds.
  std::optional<uint64_t> Add(int64_t at_ms, uint64_t used_ns) EXCLUDES(mutex_);

 private:
  struct Reading {
    int64_t at_ms = 0;
    uint64_t used_ns = 0;
  };

  Mutex mutex_;
  std::optional<Reading> before_ GUARDED_BY(mutex_);  // at least kShortestMs older than last_
  std::optional<Reading> last_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
