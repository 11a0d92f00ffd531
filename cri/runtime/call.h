// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a verb knows about the RPC that it serves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace davit {

// How long each step of an operation took, for the log at level debug and for the benchmark's breakdown.
class Spans {
 public:
  // Ends the step that began at the last mark.
  void Mark(std::string_view step);
  // "record=35us shim=410us".
  std::string ToString() const;

 private:
  int64_t last_ = UnixNanoseconds();
  std::vector<std::pair<std::string_view, int64_t>> steps_;
};

struct Call {
  int64_t deadline_ms = 0;  // when the client gives up (MonotonicMilliseconds)
  Spans spans;
};

// The bound of an operation that changes something. It does not end with its client's patience: the client's
// next request of the same name joins it or finds it done, so work is never thrown away and begun again.
inline int64_t OperationDeadline() {
  return MonotonicMilliseconds() + 120'000;
}

}  // namespace davit
