// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/quantity.h"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

namespace davit::cli {
namespace {

constexpr double kMostBytes = 1e18;
constexpr double kMostCpus = 1e6;
constexpr double kNano = 1e9;

// A decimal number without a sign.
std::optional<double> ParseNumber(std::string_view text) {
  bool plain =
      !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  double value = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!plain || bad != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<int64_t> ParseBytes(const std::string& text) {
  constexpr std::string_view kUnits = "bkmgt";
  std::string_view number = text;
  if (number.size() > 1 && (number.ends_with('b') || number.ends_with('B')) &&
      std::isalpha(static_cast<unsigned char>(number[number.size() - 2])) != 0)
    number.remove_suffix(1);  // "mb"
  double factor = 1;
  if (!number.empty()) {
    auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(number.back())));
    if (size_t unit = kUnits.find(lower); unit != std::string_view::npos) {
      factor = std::pow(1024, static_cast<double>(unit));
      number.remove_suffix(1);
    }
  }
  std::optional<double> value = ParseNumber(number);
  if (!value || *value * factor > kMostBytes)
    return Fail(Code::kInvalidArgument, "size", text, "write NUMBER[b|k|m|g], such as 512m");
  return static_cast<int64_t>(*value * factor);
}

Result<int64_t> ParseCpus(const std::string& text) {
  std::optional<double> value = ParseNumber(text);
  if (!value || *value > kMostCpus)
    return Fail(Code::kInvalidArgument, "cpus", text, "write a number of CPUs, such as 1.5");
  return static_cast<int64_t>(std::llround(*value * kNano));
}

Result<int64_t> ParseDuration(const std::string& text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  constexpr Unit kUnits[] = {{"ns", 1},    {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
                             {"s", kNano}, {"m", 60e9}, {"h", 3600e9}};
  constexpr double kMostNanoseconds = 9e18;
  auto refuse = [&text] {
    return Fail(Code::kInvalidArgument, "time", text, "write a time such as 30s, 1m30s or 500ms");
  };
  if (text == "0") return 0;
  if (text.empty()) return refuse();
  double sum = 0;
  for (std::string_view rest = text; !rest.empty();) {
    size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    std::optional<double> number = ParseNumber(rest.substr(0, digits));
    rest.remove_prefix(digits);
    std::string_view name = rest.substr(0, rest.find_first_of("0123456789."));
    const auto* unit = std::ranges::find(kUnits, name, &Unit::name);
    if (!number || unit == std::end(kUnits)) return refuse();
    rest.remove_prefix(name.size());
    sum += *number * unit->nanoseconds;
  }
  if (sum > kMostNanoseconds) return refuse();
  return std::llround(sum);
}

Result<int> ParseSignal(const std::string& text) {
  std::string name = text;
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signo = 1; signo <= SIGRTMAX; ++signo) {
    const char* known = sigabbrev_np(signo);
    if (name == std::to_string(signo) || (known != nullptr && name == known)) return signo;
  }
  return Fail(Code::kInvalidArgument, "signal", text,
              "is not a signal: write a name such as TERM, or a number");
}

}  // namespace davit::cli
