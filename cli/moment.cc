// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/moment.h"

#include <time.h>

#include <charconv>
#include <string_view>

#include "base/number.h"
#include "base/time.h"

namespace davit::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

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

// Takes "Z", "+02:00" or "-02:00" off the end. Returns the seconds that the zone is ahead of UTC.
std::optional<int64_t> TakeZone(std::string& text) {
  constexpr size_t kZoneLetters = 6;
  if (text.ends_with('Z')) {
    text.pop_back();
    return 0;
  }
  size_t time = text.find('T');
  if (time == std::string::npos || text.size() < time + kZoneLetters) return 0;
  std::string_view zone = std::string_view(text).substr(text.size() - kZoneLetters);
  if ((zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return 0;
  auto hours = WholeNumber<uint32_t>(zone.substr(1, 2));
  auto minutes = WholeNumber<uint32_t>(zone.substr(4, 2));
  if (!hours || !minutes || *hours > 14 || *minutes > 59) return std::nullopt;
  int64_t ahead = int64_t{*hours} * 3600 + *minutes * 60;
  if (zone[0] == '-') ahead = -ahead;
  text.resize(text.size() - kZoneLetters);
  return ahead;
}

// Takes ".5" off the end: nanoseconds.
std::optional<int64_t> TakeFraction(std::string& text) {
  constexpr size_t kDigits = 9;
  size_t dot = text.find('.');
  if (dot == std::string::npos) return 0;
  std::string digits = text.substr(dot + 1, kDigits);
  text.resize(dot);
  if (digits.empty()) return std::nullopt;
  digits.resize(kDigits, '0');
  auto number = WholeNumber<uint32_t>(digits);
  return number ? std::optional<int64_t>(*number) : std::nullopt;
}

}  // namespace

std::optional<int64_t> ParseTimestamp(std::string text) {
  std::optional<int64_t> ahead = TakeZone(text);
  std::optional<int64_t> fraction = TakeFraction(text);
  if (!ahead || !fraction) return std::nullopt;
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    tm parts{};
    const char* end = strptime(text.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') return (timegm(&parts) - *ahead) * kSecond + *fraction;
  }
  return std::nullopt;
}

Result<std::string> ParseMoment(const std::string& flag, const std::string& text,
                                int64_t now_unix_nanoseconds) {
  if (text.empty()) return std::string();
  if (std::optional<int64_t> ago = ParseDuration(text)) return FormatRfc3339Nano(now_unix_nanoseconds - *ago);
  std::optional<int64_t> time = ParseUnixTime(text);
  if (!time) time = ParseTimestamp(text);
  if (time) return FormatRfc3339Nano(*time);
  return Fail(Code::kInvalidArgument, flag, text,
              "write a time such as 2026-01-02T03:04:05Z, or how long ago, such as 10m");
}

}  // namespace davit::cli
