// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/characters.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace davit::cli::dockerfile {
namespace {

// White space beyond ASCII, in UTF-8: U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F,
// U+205F, U+3000.
constexpr std::string_view kBlanks[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80",
                                        "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84",
                                        "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
                                        "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9",
                                        "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

struct Block {
  uint32_t first;
  uint32_t last;
};

// Latin-1 signs, combining marks, punctuation and symbols from U+2000, CJK punctuation, variation selectors,
// full-width punctuation, and what is no text: private use, emoji, tags.
constexpr Block kNoLetters[] = {
    {0x80, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},       {0xBB, 0xBF},       {0xD7, 0xD7},
    {0xF7, 0xF7},     {0x300, 0x36F},   {0x2000, 0x2070},   {0x2072, 0x207E},   {0x2080, 0x208F},
    {0x20A0, 0x20FF}, {0x2190, 0x2BFF}, {0x2E00, 0x2E2E},   {0x2E30, 0x3004},   {0x3008, 0x3030},
    {0xD800, 0xF8FF}, {0xFE00, 0xFE6F}, {0xFEFF, 0xFF0F},   {0xFF1A, 0xFF20},   {0xFF3B, 0xFF40},
    {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF}, {0x1D000, 0x1D3FF}, {0x1F000, 0x1FBEF}, {0xE0000, 0x10FFFF}};

bool IsAsciiBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

size_t BlankLength(std::string_view text) {
  if (text.empty()) return 0;
  if (static_cast<unsigned char>(text.front()) < 0x80) return IsAsciiBlank(text.front()) ? 1 : 0;
  for (std::string_view blank : kBlanks) {
    if (text.starts_with(blank)) return blank.size();
  }
  return 0;
}

size_t CharacterStep(std::string_view text) {
  return std::max<size_t>(CharacterLength(text), 1);
}

uint32_t CodePoint(std::string_view character) {
  constexpr uint32_t kBeyondUnicode = 0x110000;
  constexpr unsigned char kFirstBits[] = {0x7F, 0x7F, 0x1F, 0x0F, 0x07};
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1 && first >= 0x80) return kBeyondUnicode + first;
  uint32_t code = first & kFirstBits[character.size()];
  for (char c : character.substr(1)) code = (code << 6) | (static_cast<unsigned char>(c) & 0x3F);
  return code;
}

bool IsNameCharacter(std::string_view character) {
  const char c = character[0];
  if (static_cast<unsigned char>(c) < 0x80)
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  if (character.size() == 1) return false;
  const uint32_t code = CodePoint(character);
  return std::ranges::none_of(kNoLetters, [code](Block b) { return b.first <= code && code <= b.last; });
}

std::string_view WithoutLeadingBlanks(std::string_view text) {
  while (size_t length = BlankLength(text)) text.remove_prefix(length);
  return text;
}

std::string_view WithoutTrailingBlanks(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(3, text.size());) {
    if (BlankLength(text.substr(text.size() - length)) == length) {
      text.remove_suffix(length);
      length = 1;
    } else {
      ++length;
    }
  }
  return text;
}

std::string_view Trimmed(std::string_view text) {
  return WithoutTrailingBlanks(WithoutLeadingBlanks(text));
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower;
}

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), Upper);
  return upper;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

}  // namespace davit::cli::dockerfile
