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
  std::string until = {};           // only lines up to this time; empty: all
};

// The value of --tail: a number of lines, or "all" for no number. kInvalidArgument for another.
Result<std::optional<size_t>> ParseTail(const std::string& text);

// Passes the chosen lines of a log in CRI's format on.
class LogSelection {
 public:
  using Sink = std::function<Result<>(std::string_view line)>;

  LogSelection(LogChoice choice, Sink sink) : choice_(std::move(choice)), sink_(std::move(sink)) {}

  Result<> Add(std::string_view line);
  // The lines added so far are those of the beginning. Later calls do nothing.
  Result<> EndBeginning();
  // Whether a line was later than `until`: all that follow are.
  bool past_until() const { return past_until_; }

 private:
  const LogChoice choice_;
  const Sink sink_;
  bool beginning_ = true;
  bool past_until_ = false;
  std::deque<std::string> last_;  // the last lines of the beginning
  size_t whole_ = 0;              // how many of them end a line of the workload
};

}  // namespace davit::cli
