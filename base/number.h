// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Numbers in texts.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace davit {

// The number that the whole text is; nullopt if the text is empty or has anything else, or if the number does
// not fit. Signed types take a '-', no type takes a '+'.
template <std::integral Number>
std::optional<Number> WholeNumber(std::string_view text, int base = 10) {
  Number value = 0;
  const char* last = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), last, value, base);
  return error == std::errc() && end == last ? std::optional(value) : std::nullopt;
}

}  // namespace davit
