// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Text of other programs (Unicode 15, table 3-7).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace davit {

// The length in bytes of the UTF-8 character at the beginning of `text`; 0 if it is malformed. `text` is not
// empty.
size_t CharacterLength(std::string_view text);

// `text` as one line of valid UTF-8 for a message: spaces and control characters in a row become one space,
// malformed bytes U+FFFD. "..." is added to a text of which more than `limit` bytes would remain.
std::string OneLine(std::string_view text, size_t limit);

// The beginning of `text` as valid UTF-8 of at most `limit` bytes, malformed bytes as U+FFFD. Control
// characters stay.
std::string ValidUtf8(std::string_view text, size_t limit);

}  // namespace davit
