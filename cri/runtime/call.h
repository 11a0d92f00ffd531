// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The context of the RPC that a verb serves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cri/pods/pod_records.h"

namespace davit::cri {

// The duration of each step of an operation, for the log at level debug and for the benchmark's breakdown.
class Spans {
 public:
  // Ends the step that began at the last Mark, or at construction.
  void Mark(std::string_view step);
  // "record=35us shim=410us".
  std::string ToString() const;

 private:
  int64_t last_ = UnixNanoseconds();
  std::vector<std::pair<std::string_view, int64_t>> steps_;
};

struct Call {
  int64_t deadline_ms = 0;  // when the client times out (MonotonicMilliseconds)
  Spans spans;
  // The verb sees and touches what this owner has; what it makes belongs to this owner.
  Owner owner = Owner::kCri;
};

// The deadline of an operation that makes something (RunPodSandbox, CreateContainer, StartContainer). It is
// independent of the client's timeout: the client's next request of the same name joins the operation or
// finds it done, so no work is discarded and repeated.
inline int64_t OperationDeadline() {
  return MonotonicMilliseconds() + 120'000;
}

}  // namespace davit::cri
