// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/ignore_pattern.h"

#include <algorithm>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

bool IsPathOrBelow(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

class IgnorePattern::Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::expected<IgnorePattern, std::string> Parse() {
    TakeLeadingStars();
    while (!rest_.empty()) {
      if (rest_.starts_with("**")) {
        TakeStars();
      } else if (rest_[0] == '*') {
        Add({Part::Kind::kStar});
      } else if (rest_[0] == '?') {
        Add({Part::Kind::kAny});
      } else if (rest_[0] == '[') {
        TRY(TakeSet());
      } else {
        TRY(TakeCharacter());
      }
    }
    return std::move(pattern_);
  }

 private:
  using Taken = std::expected<void, std::string>;

  // "**" with nothing special behind it also matches the end of a name: "**.o".
  void TakeLeadingStars() {
    if (!rest_.starts_with("**")) {
      SetShape(Shape::kLiteral, rest_);
    } else {
      SetShape(Shape::kEnd, rest_.substr(2));
    }
  }
  void SetShape(Shape shape, std::string_view literal) {
    if (literal.find_first_of("*?[]\\") != std::string_view::npos) return;
    pattern_.shape_ = shape;
    pattern_.literal_ = literal;
  }
  void Add(Part part) {
    rest_.remove_prefix(1);
    pattern_.parts_.push_back(std::move(part));
  }
  void TakeStars() {
    rest_.remove_prefix(2);
    if (rest_.starts_with('/')) rest_.remove_prefix(1);
    if (rest_.empty()) {
      pattern_.parts_.push_back({Part::Kind::kRest});
    } else {
      pattern_.parts_.push_back({Part::Kind::kDirectories});
      pattern_.parts_.push_back({Part::Kind::kWithin});
    }
  }
  Taken TakeCharacter() {
    if (rest_[0] == '\\') rest_.remove_prefix(1);
    if (rest_.empty()) return std::unexpected("a \\ at the end");
    pattern_.parts_.push_back({.kind = Part::Kind::kCharacter, .character = NextCode()});
    return {};
  }
  Taken TakeSet() {
    Part set{.kind = Part::Kind::kSet};
    rest_.remove_prefix(1);
    if (rest_.starts_with('^')) {
      set.negated = true;
      rest_.remove_prefix(1);
    }
    while (set.ranges.empty() || !rest_.starts_with(']')) {
      const uint32_t first = TRY(TakeBound());
      uint32_t last = first;
      if (rest_.starts_with('-')) {
        rest_.remove_prefix(1);
        last = TRY(TakeBound());
      }
      set.ranges.push_back({first, last});
    }
    Add(std::move(set));
    return {};
  }
  std::expected<uint32_t, std::string> TakeBound() {
    constexpr auto kWrong = "a [ without its ], or a range without its bounds";
    if (rest_.empty() || rest_[0] == '-' || rest_[0] == ']') return std::unexpected(kWrong);
    if (rest_[0] == '\\') rest_.remove_prefix(1);
    if (rest_.empty()) return std::unexpected(kWrong);
    const uint32_t code = NextCode();
    if (rest_.empty()) return std::unexpected(kWrong);
    return code;
  }
  uint32_t NextCode() {
    const std::string_view character = rest_.substr(0, CharacterStep(rest_));
    rest_.remove_prefix(character.size());
    return CodePoint(character);
  }

  std::string_view rest_;
  IgnorePattern pattern_;
};

std::expected<IgnorePattern, std::string> IgnorePattern::Parse(std::string_view text) {
  return Parser(text).Parse();
}

bool IgnorePattern::Part::Takes(uint32_t code) const {
  switch (kind) {
    case Kind::kCharacter:
      return code == character;
    case Kind::kAny:
    case Kind::kStar:
      return code != '/';
    case Kind::kSet:
      return negated !=
             std::ranges::any_of(ranges, [code](Range r) { return r.first <= code && code <= r.last; });
    case Kind::kDirectories:
      return false;
    case Kind::kWithin:
    case Kind::kRest:
      return true;
  }
  return false;
}

bool IgnorePattern::Matches(std::string_view path) const {
  switch (shape_) {
    case Shape::kLiteral:
      return MatchesLiteral(path);
    case Shape::kEnd:
      return MatchesEnd(path);
    case Shape::kGeneral:
      return MatchesParts(path);
  }
  return false;
}

bool IgnorePattern::MatchesLiteral(std::string_view path) const {
  return IsPathOrBelow(path, literal_);
}

// The path, or a directory above it, ends with the text. "**/a" matches "a" as well.
bool IgnorePattern::MatchesEnd(std::string_view path) const {
  if (literal_.starts_with('/') && IsPathOrBelow(path, std::string_view(literal_).substr(1))) return true;
  for (size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end), path.size());
    if (path.substr(0, end).ends_with(literal_)) return true;
    ++end;
  }
  return false;
}

// Adds what is reached without a character.
void IgnorePattern::Close(std::vector<char>& reached) const {
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (!reached[i]) continue;
    const Part::Kind kind = parts_[i].kind;
    if (kind == Part::Kind::kStar || kind == Part::Kind::kRest) reached[i + 1] = 1;
    if (kind == Part::Kind::kDirectories) reached[i + 1] = reached[i + 2] = 1;
  }
}

// Follows all ways through the pattern at once: reached[i] says that the first i parts match what was read.
bool IgnorePattern::MatchesParts(std::string_view path) const {
  std::vector<char> reached(parts_.size() + 1, 0);
  std::vector<char> next(parts_.size() + 1, 0);
  reached[0] = 1;
  Close(reached);
  for (bool any = true; any && !path.empty();) {
    if (path[0] == '/' && reached.back()) return true;
    const std::string_view character = path.substr(0, CharacterStep(path));
    path.remove_prefix(character.size());
    const uint32_t code = CodePoint(character);
    std::ranges::fill(next, 0);
    any = false;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (!reached[i] || !parts_[i].Takes(code)) continue;
      const Part::Kind kind = parts_[i].kind;
      any = true;
      if (kind == Part::Kind::kCharacter || kind == Part::Kind::kAny || kind == Part::Kind::kSet) {
        next[i + 1] = 1;
      } else {
        next[i] = 1;
        if (kind == Part::Kind::kWithin && code == '/') next[i + 1] = 1;
      }
    }
    Close(next);
    reached.swap(next);
  }
  return path.empty() && reached.back();
}

}  // namespace davit::cli::dockerfile
