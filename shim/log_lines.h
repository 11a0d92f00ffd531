// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One output stream of a container as lines of a CRI log:
//   2026-01-02T03:04:05.123456789Z stdout F a whole line
//   2026-01-02T03:04:05.123456789Z stdout P the first 16 KiB of a long one
// Tag F means that the program wrote a newline there, tag P that it did not: readers add one for F alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shim/log_batch.h"

namespace davit {

constexpr size_t kMaxLogLine = 16 << 10;

// Joins what arrives in several reads, splits what is longer than kMaxLogLine, and passes every byte on as it
// is. Keeps kMaxLogLine bytes at most.
class LogLines {
 public:
  // `stream` is "stdout" or "stderr" and outlives the object.
  explicit LogLines(std::string_view stream) : stream_(stream) {}

  // Returns how much of `data` it took: all, or what `out` had room for.
  size_t Add(std::string_view data, LogBatch& out);
  // The stream has ended: appends what is left with tag P, because no newline ended it. Returns false while
  // `out` has no room for that.
  bool Finish(LogBatch& out);

 private:
  bool Emit(char tag, std::string_view rest, LogBatch& out);

  std::string_view stream_;
  std::string pending_;
  int64_t second_ = -1;  // that prefix_ is for
  std::string prefix_;   // "2026-01-02T03:04:05."
};

}  // namespace davit
