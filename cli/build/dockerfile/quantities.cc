// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/quantities.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "base/number.h"
#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

constexpr double kMost = 9.2e18;  // below 2^63

// Takes digits with an optional point from the front of `text`.
std::optional<double> TakeDecimal(std::string_view& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view digits = text.substr(0, end);
  if (digits.find_first_not_of('.') == std::string_view::npos || std::ranges::count(digits, '.') > 1)
    return std::nullopt;
  double value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
    return std::nullopt;
  text.remove_prefix(end);
  return value;
}

std::optional<double> TakeDurationUnit(std::string_view& text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  const std::string_view unit = text.substr(0, std::min(text.find_first_of("0123456789."), text.size()));
  for (const auto& [name, nanoseconds] : kUnits) {
    if (unit != name) continue;
    text.remove_prefix(unit.size());
    return nanoseconds;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> ParseDuration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    auto number = TakeDecimal(text);
    if (!number) return std::nullopt;
    auto unit = TakeDurationUnit(text);
    if (!unit) return std::nullopt;
    sum += *number * *unit;
  }
  if (sum > kMost) return std::nullopt;
  return std::llround(negative ? -sum : sum);
}

std::optional<int64_t> ParseByteSize(std::string_view text) {
  auto number = TakeDecimal(text);
  if (!number) return std::nullopt;
  if (text.starts_with(' ')) text.remove_prefix(1);
  std::string unit = LowerCase(text);
  constexpr std::string_view kPrefixes = "kmgtp";
  double factor = 1;
  if (const size_t power = unit.empty() ? std::string_view::npos : kPrefixes.find(unit[0]);
      power != std::string_view::npos) {
    factor = std::pow(1024.0, static_cast<double>(power + 1));
    unit.erase(0, 1);
    if (unit == "ib") unit = "b";
  }
  if (!unit.empty() && unit != "b") return std::nullopt;
  const double bytes = *number * factor;
  if (bytes > kMost) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

std::optional<bool> ParseBool(std::string_view text) {
  for (std::string_view word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (std::string_view word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::optional<uint32_t> ParseNumber(std::string_view text, int base) {
  return WholeNumber<uint32_t>(text, base);
}

}  // namespace davit::cli::dockerfile
