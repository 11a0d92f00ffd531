// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_selection.h"

#include <time.h>

#include <charconv>
#include <optional>

#include "base/time.h"
#include "cli/log_line.h"

namespace davit::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

bool EndsLine(std::string_view line) {
  std::optional<LogLine> parsed = ParseLogLine(line);
  return !parsed || !parsed->partial;
}

// "1h30m10s" in nanoseconds.
std::optional<int64_t> ParseDuration(std::string_view text) {
  int64_t sum = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    int64_t number = 0;
    auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
    auto used = static_cast<size_t>(end - text.data());
    if (bad != std::errc() || used == text.size() || number < 0 || number > 1'000'000) return std::nullopt;
    switch (text[used]) {
      case 'h':
        sum += number * 3600;
        break;
      case 'm':
        sum += number * 60;
        break;
      case 's':
        sum += number;
        break;
      default:
        return std::nullopt;
    }
    text.remove_prefix(used + 1);
  }
  return sum * kSecond;
}

// "1767322800" or "1767322800.5" in nanoseconds since 1970.
std::optional<int64_t> ParseUnixTime(const std::string& text) {
  double seconds = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (bad != std::errc() || end != text.data() + text.size() || seconds < 0 || seconds > 9e9)
    return std::nullopt;
  return static_cast<int64_t>(seconds * 1e9);
}

// "2026-01-02T03:04:05[.5]Z" and "2026-01-02[T03:04[:05]]", in UTC.
std::optional<int64_t> ParseTimestamp(std::string text) {
  if (text.ends_with('Z')) text.pop_back();
  text = text.substr(0, text.find('.'));
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    tm parts{};
    const char* end = strptime(text.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') return timegm(&parts) * kSecond;
  }
  return std::nullopt;
}

}  // namespace

Result<> LogSelection::Add(std::string_view line) {
  if (!choice_.since.empty()) {
    std::optional<LogLine> parsed = ParseLogLine(line);
    if (parsed && parsed->time < choice_.since) return {};
  }
  if (!beginning_ || !choice_.tail) return sink_(line);
  last_.emplace_back(line);
  whole_ += EndsLine(line) ? 1 : 0;
  while (whole_ > *choice_.tail) {  // leaves out one line of the workload, which may be in several pieces
    bool ends = EndsLine(last_.front());
    last_.pop_front();
    if (ends) --whole_;
  }
  return {};
}

Result<> LogSelection::EndBeginning() {
  beginning_ = false;
  for (; !last_.empty(); last_.pop_front()) TRY(sink_(last_.front()));
  return {};
}

Result<std::string> ParseSince(const std::string& text, int64_t now_unix_nanoseconds) {
  if (text.empty()) return std::string();
  if (std::optional<int64_t> ago = ParseDuration(text)) return FormatRfc3339Nano(now_unix_nanoseconds - *ago);
  std::optional<int64_t> time = ParseUnixTime(text);
  if (!time) time = ParseTimestamp(text);
  if (time) return FormatRfc3339Nano(*time);
  return Fail(Code::kInvalidArgument, "--since", text,
              "write a time such as 2026-01-02T03:04:05Z, or how long ago, such as 10m");
}

}  // namespace davit::cli
