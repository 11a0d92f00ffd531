// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Detects a peer that sends or takes nothing, or does so too slowly. Time that the consumer of the data
// spends does not count.
#pragma once

#include <cstdint>

namespace davit::images {

// What a peer must send over a while.
struct MinimumSpeed {
  int64_t bytes_per_second = 0;
  int seconds = 1;
};

// Times are milliseconds of any steady clock. The caller passes them in, so that tests need not wait.
class SpeedWatch {
 public:
  SpeedWatch(MinimumSpeed speed, int64_t now_ms)
      : wanted_(speed.bytes_per_second * speed.seconds), window_ms_(speed.seconds * 1000LL), since_(now_ms) {}

  // Data has arrived or was sent. The time from here to ConsumerDone is the consumer's.
  void Transferred(int64_t bytes, int64_t now_ms) {
    waited_ms_ += now_ms - since_;
    since_ = now_ms;
    bytes_ += bytes;
  }
  void ConsumerDone(int64_t now_ms) { since_ = now_ms; }

  // True if the peer sent or took less than required in a complete window of waiting time.
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
  int64_t waited_ms_ = 0;  // waiting time before `since_`, in this window
  int64_t bytes_ = 0;      // in this window
};

}  // namespace davit::images
