// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/log.h"

#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "base/time.h"

namespace davit {
namespace {

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};

void AppendValue(std::string& line, std::string_view value) {
  bool plain = !value.empty();
  for (unsigned char c : value) plain = plain && c > ' ' && c != '"' && c != '\\' && c != '=' && c < 0x7f;
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (unsigned char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += static_cast<char>(c);
    } else if (c < ' ' || c == 0x7f) {
      char escape[8];
      snprintf(escape, sizeof escape, "\\x%02x", c);
      line += escape;
    } else {
      line += static_cast<char>(c);
    }
  }
  line += '"';
}

}  // namespace

std::string FormatLogLine(LogLevel level, int64_t unix_nanoseconds, std::string_view message,
                          std::initializer_list<LogField> fields) {
  std::string line = "time=" + FormatRfc3339Nano(unix_nanoseconds);
  line += " level=";
  line += kNames[static_cast<int>(level)];
  line += " msg=";
  AppendValue(line, message);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    AppendValue(line, value);
  }
  line += '\n';
  return line;
}

void Logger::Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) const {
  if (!Enabled(level)) return;
  std::string line = FormatLogLine(level, UnixNanoseconds(), message, fields);
  if (write_) return write_(line);
  // A log that cannot be written has nowhere to say so.
  [[maybe_unused]] ssize_t n = TEMP_FAILURE_RETRY(write(fd_, line.data(), line.size()));
}

}  // namespace davit
