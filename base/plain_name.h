// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The form of names that people choose.
#pragma once

#include <algorithm>
#include <string_view>

namespace davit {

// Of ASCII, whatever the locale.
constexpr bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Letters, digits, '_', '.' and '-', and the first is a letter or a digit: such a name is safe as a file's
// name.
inline bool IsPlainName(std::string_view name) {
  auto fits = [](char c) { return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  return !name.empty() && IsAlphanumeric(name.front()) && std::ranges::all_of(name, fits);
}

}  // namespace davit
