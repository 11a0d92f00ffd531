// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/shell_pattern.h"

#include <algorithm>

#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/limits.h"

namespace davit::cli::dockerfile {
namespace {

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> characters;
  for (; !text.empty(); text.remove_prefix(characters.back().size()))
    characters.push_back(text.substr(0, CharacterStep(text)));
  return characters;
}

std::string Join(const std::vector<std::string_view>& characters, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < end; ++i) text += characters[i];
  return text;
}

}  // namespace

std::expected<ShellPattern, std::string> ShellPattern::Parse(std::string_view text) {
  ShellPattern pattern;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view character = rest.substr(0, CharacterStep(rest));
    rest.remove_prefix(character.size());
    if (character == "*") {
      pattern.parts_.push_back({Part::Kind::kStar, {}});
      continue;
    }
    if (character == "?") {
      pattern.parts_.push_back({Part::Kind::kAny, {}});
      continue;
    }
    if (character == "\\") {
      character = rest.empty() ? rest : rest.substr(0, CharacterStep(rest));
      constexpr std::string_view kEscaped = "*?/}\\";
      if (character.size() != 1 || !kEscaped.contains(character[0]))
        return std::unexpected("invalid escape '\\" + std::string(character) + "'");
      rest.remove_prefix(1);
    }
    pattern.parts_.push_back({Part::Kind::kText, std::string(character)});
  }
  return pattern;
}

// Follows all ways through the pattern at once: reached[i] says that the first i parts match what was read.
size_t ShellPattern::Match(const Characters& value, size_t begin, Extent extent, size_t& steps) const {
  std::vector<char> reached(parts_.size() + 1, 0);
  std::vector<char> next(reached.size());
  reached[0] = 1;
  size_t match = kNone;
  for (size_t read = 0;; ++read) {
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (reached[i] && parts_[i].kind == Part::Kind::kStar) reached[i + 1] = 1;
    }
    if (reached.back()) match = read;
    if (begin + read == value.size() || (match != kNone && extent == Extent::kShortest)) return match;
    if (steps <= parts_.size()) return steps = 0, kNone;
    steps -= parts_.size() + 1;

    const std::string_view character = value[begin + read];
    std::ranges::fill(next, 0);
    bool any = false;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (!reached[i]) continue;
      const Part& part = parts_[i];
      if (part.kind == Part::Kind::kText ? character != part.character : character == "\n") continue;
      next[part.kind == Part::Kind::kStar ? i : i + 1] = any = true;
    }
    if (!any) return match;
    reached.swap(next);
  }
}

bool ShellPattern::RemovePrefix(std::string_view value, Extent extent, size_t& steps,
                                std::string& result) const {
  const Characters characters = Split(value);
  const size_t matched = Match(characters, 0, extent, steps);
  result = Join(characters, matched == kNone ? 0 : matched, characters.size());
  return steps > 0;
}

bool ShellPattern::RemoveSuffix(std::string_view value, Extent extent, size_t& steps,
                                std::string& result) const {
  Characters characters = Split(value);
  std::ranges::reverse(characters);
  ShellPattern reversed = *this;
  std::ranges::reverse(reversed.parts_);
  const size_t matched = reversed.Match(characters, 0, extent, steps);
  std::ranges::reverse(characters);
  result = Join(characters, 0, characters.size() - (matched == kNone ? 0 : matched));
  return steps > 0;
}

bool ShellPattern::ReplaceFirst(std::string_view value, std::string_view replacement, size_t& steps,
                                std::string& result) const {
  const Characters characters = Split(value);
  for (size_t begin = 0; begin <= characters.size(); ++begin) {
    const size_t matched = Match(characters, begin, Extent::kLongest, steps);
    if (steps == 0) return false;
    if (matched == kNone) continue;
    result = Join(characters, 0, begin) + std::string(replacement) +
             Join(characters, begin + matched, characters.size());
    return true;
  }
  result = value;
  return true;
}

// An empty match directly behind another match does not count.
bool ShellPattern::ReplaceAll(std::string_view value, std::string_view replacement, size_t& steps,
                              std::string& result) const {
  const Characters characters = Split(value);
  size_t copied = 0;
  result.clear();
  for (size_t begin = 0; begin <= characters.size();) {
    const size_t matched = Match(characters, begin, Extent::kLongest, steps);
    if (steps == 0 || result.size() > kMaxExpandedBytes) return false;
    if (matched != kNone && (matched > 0 || begin != copied || begin == 0)) {
      result += Join(characters, copied, begin);
      result += replacement;
      copied = begin + matched;
    }
    begin = std::max(copied, begin + 1);
  }
  result += Join(characters, copied, characters.size());
  return true;
}

}  // namespace davit::cli::dockerfile
