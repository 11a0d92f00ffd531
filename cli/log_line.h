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
      false;  // the workload wrote no newline here: its line continues in the next one, or is its last
  std::string_view text;
};

// `line` comes without its newline. Nothing when it has another form, as after a crash in the middle of a
// write.
std::optional<LogLine> ParseLogLine(std::string_view line);

}  // namespace davit::cli
