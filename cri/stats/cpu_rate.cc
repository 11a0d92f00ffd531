// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/cpu_rate.h"

namespace davit::cri {

std::optional<uint64_t> CpuRate::Add(int64_t at_ms, uint64_t used_ns) {
  constexpr uint64_t kMsPerSecond = 1'000;
  Reading now{at_ms, used_ns};
  MutexLock lock(mutex_);
  // A counter that went back is that of a new cgroup.
  if (last_ && used_ns < last_->used_ns) before_ = last_ = std::nullopt;
  if (!last_) {
    last_ = now;
    return std::nullopt;
  }
  if (at_ms - last_->at_ms >= kShortestMs) {
    before_ = last_;
    last_ = now;
  }
  if (!before_ || at_ms - before_->at_ms > kLongestMs) return std::nullopt;
  auto elapsed_ms = static_cast<uint64_t>(at_ms - before_->at_ms);
  return (used_ns - before_->used_ns) * kMsPerSecond / elapsed_ms;
}

}  // namespace davit::cri
