// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/utf8.h"

#include <algorithm>

namespace davit {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Takes the first character from `text`, which is not empty.
std::string_view TakeCharacter(std::string_view& text) {
  size_t length = CharacterLength(text);
  std::string_view character = length == 0 ? kReplacement : text.substr(0, length);
  text.remove_prefix(std::max<size_t>(length, 1));
  return character;
}

}  // namespace

size_t CharacterLength(std::string_view text) {
  auto byte = [text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto continues = [&byte](size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    bool overlong = first == 0xe0 && byte(1) < 0xa0;
    bool surrogate = first == 0xed && byte(1) > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first < 0xf0 || first > 0xf4) return 0;
  bool overlong = first == 0xf0 && byte(1) < 0x90;
  bool too_high = first == 0xf4 && byte(1) > 0x8f;
  return continues(1) && continues(2) && continues(3) && !overlong && !too_high ? 4 : 0;
}

std::string OneLine(std::string_view text, size_t limit) {
  std::string line;
  while (!text.empty()) {
    std::string_view character = TakeCharacter(text);
    if (character[0] == ' ' || static_cast<unsigned char>(character[0]) < 0x20 || character[0] == 0x7f) {
      if (line.empty() || line.back() == ' ') continue;
      character = " ";
    }
    if (line.size() + character.size() > limit) return line + "...";
    line += character;
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

std::string ValidUtf8(std::string_view text, size_t limit) {
  std::string valid;
  while (!text.empty()) {
    std::string_view character = TakeCharacter(text);
    if (valid.size() + character.size() > limit) break;
    valid += character;
  }
  return valid;
}

}  // namespace davit
