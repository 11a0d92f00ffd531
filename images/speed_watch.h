// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Tells a peer that stalls or trickles from one that is merely waited for by its consumer.
#pragma once

#include <cstdint>

namespace davit {

// Times are milliseconds of any steady clock, handed in so that tests need not wait.
class SpeedWatch {
 public:
  SpeedWatch(int64_t bytes_per_second, int seconds, int64_t now_ms)
      : wanted_(bytes_per_second * seconds), window_ms_(seconds * 1000LL), since_(now_ms) {}

  // The peer delivered; what follows until ConsumerDone is the consumer's time.
  void Received(int64_t bytes, int64_t now_ms) {
    waited_ms_ += now_ms - since_;
    since_ = now_ms;
    bytes_ += bytes;
  }
  void ConsumerDone(int64_t now_ms) { since_ = now_ms; }

  // True when the peer brought less than it must over a whole window.
  bool TooSlow(int64_t now_ms) {
    int64_t waited = waited_ms_ + (now_ms - since_);
    if (waited < window_ms_) return false;
    if (bytes_ < wanted_) return true;
    waited_ms_ = bytes_ = 0;
    since_ = now_ms;
    return false;
  }

 private:
  int64_t wanted_;
  int64_t window_ms_;
  int64_t since_;          // when waiting for the peer began
  int64_t waited_ms_ = 0;  // before that, in this window
  int64_t bytes_ = 0;      // in this window
};

}  // namespace davit
