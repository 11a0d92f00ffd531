// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Structured logs: one logfmt line per event on one descriptor.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace davit {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

// Values are not redacted: callers must not log credentials or environment values.
using LogField = std::pair<std::string_view, std::string>;

// Thread-safe: a line is one write(2). Only the RPC edge and main functions log; everything below returns its
// error.
class Logger {
 public:
  // The caller owns `fd`. Lines below `level` are discarded.
  Logger(int fd, LogLevel level) : fd_(fd), level_(level) {}
  // Passes each line, with its newline, to `write` on the thread that logs.
  Logger(std::function<void(std::string_view)> write, LogLevel level)
      : write_(std::move(write)), level_(level) {}

  void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) const;
  bool Enabled(LogLevel level) const { return level >= level_; }

 private:
  int fd_ = -1;
  std::function<void(std::string_view)> write_;
  LogLevel level_;
};

// `key=value` with quotes and escapes where the value needs them.
std::string FormatLogLine(LogLevel level, int64_t unix_nanoseconds, std::string_view message,
                          std::initializer_list<LogField> fields);

}  // namespace davit
