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

#include "shim/log_writer.h"

namespace davit {

constexpr size_t kMaxLogLine = 16 << 10;

// Joins what arrives in several reads, splits what is longer than kMaxLogLine, and passes every byte on as it
// is. Keeps kMaxLogLine bytes at most.
class LogLines {
 public:
  // `stream` is "stdout" or "stderr" and outlives the object.
  explicit LogLines(std::string_view stream) : stream_(stream) {}

  void Add(std::string_view data, LogWriter& out);
  // The stream has ended: writes what is left with tag P, because no newline ended it.
  void Finish(LogWriter& out);

 private:
  void Emit(char tag, std::string_view rest, LogWriter& out);

  std::string_view stream_;
  std::string pending_;
  int64_t second_ = -1;  // that prefix_ is for
  std::string prefix_;   // "2026-01-02T03:04:05."
};

}  // namespace davit
