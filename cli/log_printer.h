// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Restores a workload's output from its log.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/console.h"
#include "cli/log_line.h"

namespace davit::cli {

// Buffers lines and writes them in few calls, stdout to the console's `out`, stderr to its `err`, in the
// log's order.
class LogPrinter {
 public:
  explicit LogPrinter(const Console& console) : console_(console) {}

  // A line that is not in CRI's format is written to `err` unchanged.
  Result<> Add(std::string_view line);
  // Writes the buffered text. The destructor does not, because it could not report a failure.
  Result<> Flush();

 private:
  Result<> SwitchTo(LogStream stream);

  const Console& console_;
  LogStream stream_ = LogStream::kStdout;
  std::string text_;
};

}  // namespace davit::cli
