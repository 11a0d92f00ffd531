// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template/print_format.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "base/json.h"

namespace davit::cli {
namespace {

constexpr size_t kMostWidth = 4096;
constexpr size_t kMostPrecision = 64;

// What is between "%" and the letter.
struct Directive {
  bool left = false;
  bool zeros = false;
  bool plus = false;
  size_t width = 0;
  std::optional<size_t> precision = {};
  char letter = 0;
};

// Reads a number up to `most`, which stands for larger ones.
size_t TakeNumber(std::string_view format, size_t& at, size_t most) {
  size_t number = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at)
    number = std::min(number * 10 + static_cast<size_t>(format[at] - '0'), most);
  return number;
}

// `at` is behind the "%", and then behind the letter.
std::optional<Directive> TakeDirective(std::string_view format, size_t& at) {
  Directive directive;
  for (; at < format.size() && std::string_view("-0+").contains(format[at]); ++at) {
    directive.left |= format[at] == '-';
    directive.zeros |= format[at] == '0';
    directive.plus |= format[at] == '+';
  }
  directive.width = TakeNumber(format, at, kMostWidth);
  if (at < format.size() && format[at] == '.') directive.precision = TakeNumber(format, ++at, kMostPrecision);
  if (at >= format.size()) return std::nullopt;
  directive.letter = format[at++];
  return directive;
}

std::string HexText(const std::string& text) {
  std::string digits;
  char pair[3];
  for (unsigned char byte : text) {
    snprintf(pair, sizeof pair, "%02x", byte);
    digits += pair;
  }
  return digits;
}

std::optional<double> NumberOf(const nlohmann::json& value) {
  if (!value.is_number()) return std::nullopt;
  std::string digits = PrintJson(value);
  double number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// The value without width; nullopt if its type does not fit the letter.
std::optional<std::string> Format(const Directive& directive, const nlohmann::json& value) {
  const std::string* text = JsonText(value);
  std::optional<int64_t> whole = JsonInteger(value);
  switch (directive.letter) {
    case 's':
    case 'v': {
      std::string plain = TemplateText(value);
      return text != nullptr && directive.precision ? plain.substr(0, *directive.precision) : plain;
    }
    case 'q':
      return text != nullptr ? std::optional(PrintJson(value)) : std::nullopt;
    case 't':
      return value.is_boolean() ? std::optional(TemplateText(value)) : std::nullopt;
    case 'd':
      if (!value.is_number_integer()) return std::nullopt;
      return (directive.plus && whole.value_or(0) >= 0 ? "+" : "") + TemplateText(value);
    case 'x': {
      if (text != nullptr) return HexText(*text);
      if (!whole) return std::nullopt;
      char digits[32];
      snprintf(digits, sizeof digits, "%s%llx", *whole < 0 ? "-" : "",
               static_cast<unsigned long long>(*whole < 0 ? -static_cast<uint64_t>(*whole)
                                                          : static_cast<uint64_t>(*whole)));
      return digits;
    }
    case 'f': {
      std::optional<double> number = NumberOf(value);
      if (!number) return std::nullopt;
      char digits[512];
      snprintf(digits, sizeof digits, "%.*f", static_cast<int>(directive.precision.value_or(6)), *number);
      return (directive.plus && *number >= 0 ? "+" : "") + std::string(digits);
    }
    default:
      return std::nullopt;
  }
}

std::string Padded(const Directive& directive, std::string text) {
  auto letters = static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
  if (letters >= directive.width) return text;
  size_t missing = directive.width - letters;
  if (directive.left) return text + std::string(missing, ' ');
  bool number = directive.letter == 'd' || directive.letter == 'f' || directive.letter == 'x';
  if (!directive.zeros || !number) return std::string(missing, ' ') + text;
  size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  return text.insert(sign, missing, '0');
}

}  // namespace

TemplateOutcome PrintFormatted(const std::vector<TemplateValue>& arguments) {
  const std::string* format = arguments.empty() ? nullptr : JsonText(*arguments[0]);
  if (format == nullptr) return std::unexpected("it needs a format, as in {{printf \"%s\" .ID}}");
  std::string text;
  size_t next = 1;
  for (size_t at = 0; at < format->size();) {
    if (text.size() > kMostTemplateBytes) return std::unexpected("the text becomes too long");
    if ((*format)[at++] != '%') {
      text += (*format)[at - 1];
      continue;
    }
    std::optional<Directive> directive = TakeDirective(*format, at);
    if (!directive) return std::unexpected("the format ends after %");
    if (directive->letter == '%') {
      text += '%';
      continue;
    }
    if (next >= arguments.size()) return std::unexpected("it has fewer values than its format");
    std::optional<std::string> part = Format(*directive, *arguments[next]);
    if (!part)
      return std::unexpected(std::string("%") + directive->letter + " is not for a " +
                             arguments[next]->type_name());
    text += Padded(*directive, std::move(*part));
    ++next;
  }
  if (next < arguments.size()) return std::unexpected("it has more values than its format");
  return MakeTemplateValue(std::move(text));
}

}  // namespace davit::cli
