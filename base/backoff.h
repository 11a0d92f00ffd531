// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Growing pauses between attempts.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace davit {

// Not thread-safe.
class Backoff {
 public:
  using Pause = std::chrono::milliseconds;

  // The first pause is `first`. Each one is twice as long as the one before it, but at most `longest`.
  constexpr Backoff(Pause first, Pause longest) : first_(first), longest_(longest), next_(first) {}

  // The pause before the next attempt, after one has failed.
  Pause Next() { return std::exchange(next_, std::min(next_ * 2, longest_)); }
  // An attempt has succeeded: the next pause is the first one again.
  void Reset() { next_ = first_; }

 private:
  Pause first_;
  Pause longest_;
  Pause next_;
};

}  // namespace davit
