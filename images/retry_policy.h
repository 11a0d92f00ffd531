// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Decides how a fetch continues after a failed attempt: at which host, after which pause, or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace davit::images {

// How an attempt failed.
enum class Outcome : uint8_t {
  kCut,      // no connection, or the connection broke
  kStalled,  // the host sent nothing, or too little, for too long
  kBusy,     // the host asks to come back later: 429, 503 and other temporary errors (RFC 9110 section 15)
  kRefused,  // a repetition gets the same answer: 404, wrong content, an untrusted certificate
  kLocal,    // this node failed (disk full) or the caller has cancelled: no host can help
};

struct Attempt {
  size_t host = 0;  // position in the order of hosts
  Outcome outcome = Outcome::kCut;
  int64_t progress = 0;        // bytes of the object that no earlier attempt had delivered
  int64_t retry_after_ms = 0;  // what the host asked for (RFC 9110 section 10.2.3); 0: nothing
  int64_t ended_ms = 0;        // MonotonicMilliseconds()
};

// Pauses are milliseconds, before jitter.
struct RetryLimits {
  int attempts = 5;                    // failures in a row at one host; an attempt with progress ends the row
  int stalls = 2;                      // how many of these may be kStalled: each has cost a whole timeout
  int64_t progress_bytes = 256 << 10;  // an attempt with fewer bytes counts as one without progress
  int64_t first_pause_ms = 250;        // doubles with each failure in a row
  int64_t longest_pause_ms = 10'000;
  int64_t longest_retry_after_ms = 60'000;  // a host that asks for more is not asked again
};

struct Step {
  std::optional<size_t> host;  // nullopt: give up
  int64_t pause_ms = 0;        // before the attempt

  bool operator==(const Step&) const = default;
};

// The next step of a fetch with this history, oldest attempt first. `jitter` is a random number in [0, 1).
//
// The first host comes first. A connection that was cut while it delivered bytes is resumed at the same host.
// After every other failure, the host that may be asked soonest is next; of several, the one with the fewest
// failures in a row, then the first in order. A host is not asked again after kRefused, after too many
// failures in a row, or if it asks for too long a pause. A host that was never reached is not asked again if
// another host has refused.
//
// The pause is half of the back-off plus a random part of the other half, so that nodes that failed together
// do not return together; a Retry-After is added to it.
Step NextStep(std::span<const Attempt> history, size_t hosts, const RetryLimits& limits, int64_t now_ms,
              double jitter);

}  // namespace davit::images
