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

enum class LogForm : bool { kPlain, kTimestamps };

// Buffers lines and writes them in few calls, stdout to the console's `out`, stderr to its `err`, in the
// log's order.
class LogPrinter {
 public:
  // With kTimestamps each line of the workload begins with its time.
  explicit LogPrinter(const Console& console, LogForm form = LogForm::kPlain)
      : console_(console), form_(form) {}

  // A line that is not in CRI's format is written to `err` unchanged.
  Result<> Add(std::string_view line);
  // Writes the buffered text. The destructor does not, because it could not report a failure.
  Result<> Flush();

 private:
  Result<> SwitchTo(LogStream stream);

  const Console& console_;
  const LogForm form_;
  LogStream stream_ = LogStream::kStdout;
  bool in_line_ = false;  // the last piece ended no line of the workload
  std::string text_;
};

}  // namespace davit::cli
