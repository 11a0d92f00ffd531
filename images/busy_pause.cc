// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/busy_pause.h"

namespace davit::images {

void BusyPause::Note(const Setback& setback, int64_t now_ms) {
  if (setback.outcome != Outcome::kBusy || setback.retry_after_ms <= 0) return;
  MutexLock lock(mutex_);
  if (now_ms + setback.retry_after_ms <= end_ms_) return;
  end_ms_ = now_ms + setback.retry_after_ms;
  setback_ = setback;
}

std::optional<Setback> BusyPause::Rest(int64_t now_ms) const {
  MutexLock lock(mutex_);
  if (now_ms >= end_ms_) return std::nullopt;
  Setback rest = *setback_;
  rest.retry_after_ms = end_ms_ - now_ms;
  return rest;
}

}  // namespace davit::images
