// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lines of container logs in CRI's format: "<RFC 3339 time> <stdout|stderr> <P|F> <text>".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace davit::cli {

enum class LogStream : uint8_t { kStdout, kStderr };

// `time` and `text` point into the line that was parsed.
struct LogLine {
  std::string_view time;
  LogStream stream = LogStream::kStdout;
  bool partial =
      false;  // the workload wrote no newline here: the line continues in the next LogLine, or is its last
  std::string_view text;
};

// `line` has no newline at its end. Returns no value for a line of another form, for example one cut by a
// crash in the middle of a write.
std::optional<LogLine> ParseLogLine(std::string_view line);

}  // namespace davit::cli
