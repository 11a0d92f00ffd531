// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A workload's output as it was before it became a log.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/console.h"
#include "cli/log_line.h"

namespace davit::cli {

// Collects lines and writes them in few calls, stdout to the console's `out`, stderr to its `err`, in the
// log's order.
class LogPrinter {
 public:
  explicit LogPrinter(const Console& console) : console_(console) {}

  // A line in another form than CRI's goes to `err` as it is.
  Result<> Add(std::string_view line);
  // Writes what is left. Not done by the destructor, which could not tell of a failure.
  Result<> Flush();

 private:
  Result<> SwitchTo(LogStream stream);

  const Console& console_;
  LogStream stream_ = LogStream::kStdout;
  std::string text_;
};

}  // namespace davit::cli
