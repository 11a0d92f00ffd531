// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One output stream of a container as lines of a CRI log:
//   2026-01-02T03:04:05.123456789Z stdout F a whole line
//   2026-01-02T03:04:05.123456789Z stdout P the first 16 KiB of a long one
// Tag F means that the program ended the line with a newline, tag P that it did not. Readers add a newline
// for F only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shim/log_batch.h"

namespace davit::shim {

constexpr size_t kMaxLogLine = 16 << 10;

// Joins lines that arrive in several reads, splits lines that are longer than kMaxLogLine, and passes every
// byte on unchanged. Buffers at most kMaxLogLine bytes.
class LogLines {
 public:
  // `stream` is "stdout" or "stderr" and outlives the object.
  explicit LogLines(std::string_view stream) : stream_(stream) {}

  // Returns how many bytes of `data` it took: all, or as many as `out` had room for.
  size_t Add(std::string_view data, LogBatch& out);
  // Call it at the end of the stream: appends the unfinished line with tag P. Returns false if `out` has no
  // room for it.
  bool Finish(LogBatch& out);

 private:
  bool Emit(char tag, std::string_view rest, LogBatch& out);

  std::string_view stream_;
  std::string pending_;
  int64_t second_ = -1;  // the Unix time that prefix_ is for
  std::string prefix_;   // "2026-01-02T03:04:05."
};

}  // namespace davit::shim
