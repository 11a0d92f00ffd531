// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which lines of a container's log to print.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::cli {

struct LogChoice {
  std::optional<size_t> tail = {};  // only so many lines of those that there are at the beginning
  std::string since = {};           // only lines from this time on, as FormatRfc3339Nano prints it
};

// Passes the chosen lines of a log in CRI's format on.
class LogSelection {
 public:
  using Sink = std::function<Result<>(std::string_view line)>;

  LogSelection(LogChoice choice, Sink sink) : choice_(std::move(choice)), sink_(std::move(sink)) {}

  Result<> Add(std::string_view line);
  // The lines added so far are those of the beginning. Later calls do nothing.
  Result<> EndBeginning();

 private:
  const LogChoice choice_;
  const Sink sink_;
  bool beginning_ = true;
  std::deque<std::string> last_;  // the last lines of the beginning
  size_t whole_ = 0;              // how many of them end a line of the workload
};

// "2026-01-02T03:04:05Z", "2026-01-02", "10m", "1h30m", "1767322800.5": a time, or how long ago, as
// FormatRfc3339Nano prints it. kInvalidArgument shows the grammar.
Result<std::string> ParseSince(const std::string& text, int64_t now_unix_nanoseconds);

}  // namespace davit::cli
