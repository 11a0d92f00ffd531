// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/text_forms.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace davit::cli::compose {
namespace {

constexpr double kMostNanoseconds = 100.0 * 365 * 24 * 3600 * 1e9;
constexpr double kMostBytes = 1LL << 60;

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 7> kTimeUnits = {
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};

// Takes a number without a sign off the front.
std::optional<double> TakeNumber(std::string_view& text) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || text.starts_with('-') || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

std::string_view TakeLetters(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && std::isalpha(static_cast<unsigned char>(text[length])) != 0) ++length;
  std::string_view letters = text.substr(0, length);
  text.remove_prefix(length);
  return letters;
}

// A fraction without zeros at its end.
std::string Shortest(double value) {
  std::array<char, 64> buffer{};
  auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), end};
}

}  // namespace

std::vector<std::string> SplitText(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::optional<std::vector<std::string>> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < text.size(); ++i) {
    char letter = text[i];
    bool blank = letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
    if (quote == '\0' && blank) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    }
    in_word = true;
    bool escapes = letter == '\\' && quote != '\'' && i + 1 < text.size();
    if (escapes && (quote == '\0' || text[i + 1] == '"' || text[i + 1] == '\\')) {
      word += text[++i];
    } else if (quote == '\0' && (letter == '"' || letter == '\'')) {
      quote = letter;
    } else if (quote != '\0' && letter == quote) {
      quote = '\0';
    } else {
      word += letter;
    }
  }
  if (quote != '\0') return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::optional<int64_t> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::optional<double> number = TakeNumber(text);
    std::string_view name = TakeLetters(text);
    if (!number) return std::nullopt;
    double factor = 0;
    for (const Unit& unit : kTimeUnits)
      if (unit.name == name) factor = unit.factor;
    total += *number * factor;
    if (factor == 0 || total > kMostNanoseconds) return std::nullopt;
  }
  return std::llround(total);
}

std::string DurationText(int64_t nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < 1'000) return std::to_string(nanoseconds) + "ns";
  if (nanoseconds < 1'000'000) return Shortest(static_cast<double>(nanoseconds) / 1e3) + "\u00b5s";
  if (nanoseconds < kSecond) return Shortest(static_cast<double>(nanoseconds) / 1e6) + "ms";
  int64_t minutes = nanoseconds / (60 * kSecond);
  std::string text;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + Shortest(static_cast<double>(nanoseconds % (60 * kSecond)) / 1e9) + "s";
}

std::optional<int64_t> ParseBytes(std::string_view text) {
  std::optional<double> number = TakeNumber(text);
  if (!number) return std::nullopt;
  if (text.starts_with(' ')) text.remove_prefix(1);
  std::string unit;
  for (char letter : text) unit += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (unit.size() > 1 && unit.ends_with("ib")) unit.erase(unit.size() - 2);
  if (unit.size() > 1 && unit.ends_with('b')) unit.pop_back();
  constexpr std::string_view kUnits = "bkmgtp";
  size_t power = unit.empty() ? 0 : kUnits.find(unit);
  if (unit.size() > 1 || power == std::string_view::npos) return std::nullopt;
  double bytes = *number * std::pow(1024, static_cast<double>(power));
  return bytes > kMostBytes ? std::nullopt : std::optional(static_cast<int64_t>(bytes));
}

}  // namespace davit::cli::compose
