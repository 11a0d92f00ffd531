// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/ongoing_fetch.h"

namespace davit::images {

bool FetchPatience::IsWorthWaiting(const OngoingFetch& ours,
                                   const std::shared_ptr<const OngoingFetch>& theirs, int64_t now_ms) {
  if (!theirs) return true;
  if (theirs->digest != ours.digest || theirs->size != ours.size) return false;
  bool same_origin = !ours.origin.empty() && theirs->origin == ours.origin;
  if (same_origin && theirs->received < theirs->size) {
    waits_for_ = nullptr;
    return true;
  }
  if (waits_for_ == theirs) waited_ms_ += now_ms - last_call_ms_;
  waits_for_ = theirs;
  last_call_ms_ = now_ms;
  return waited_ms_ < most_ms_;
}

}  // namespace davit::images
