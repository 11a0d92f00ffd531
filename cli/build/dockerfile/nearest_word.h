// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Suggestions for misspelt words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace davit::cli::dockerfile {

// The first of the words that differ from `word` in the fewest, and at most two, characters (inserted,
// missing or replaced), without regard to case; empty if there is none. It is in lower case if `word` is.
std::string NearestWord(std::string_view word, std::span<const std::string_view> words);
std::string NearestWord(std::string_view word, std::span<const std::string> words);

}  // namespace davit::cli::dockerfile
