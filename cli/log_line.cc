// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_line.h"

namespace davit::cli {
namespace {

// Takes the text up to the next space off `rest`, the space included; nothing without a space.
std::optional<std::string_view> NextField(std::string_view& rest) {
  size_t space = rest.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::string_view field = rest.substr(0, space);
  rest.remove_prefix(space + 1);
  return field;
}

bool LooksLikeTime(std::string_view text) {
  return text.size() >= sizeof("2026-01-02T03:04:05Z") - 1 && text[4] == '-' && text[10] == 'T';
}

}  // namespace

std::optional<LogLine> ParseLogLine(std::string_view line) {
  std::optional<std::string_view> time = NextField(line);
  std::optional<std::string_view> stream = NextField(line);
  std::optional<std::string_view> tags = NextField(line);
  if (!time || !stream || !tags || !LooksLikeTime(*time)) return std::nullopt;

  LogLine result{.time = *time, .text = line};
  if (*stream == "stderr") {
    result.stream = LogStream::kStderr;
  } else if (*stream != "stdout") {
    return std::nullopt;
  }
  // The format leaves room for more tags after a colon.
  std::string_view tag = tags->substr(0, tags->find(':'));
  if (tag != "P" && tag != "F") return std::nullopt;
  result.partial = tag == "P";
  return result;
}

}  // namespace davit::cli
