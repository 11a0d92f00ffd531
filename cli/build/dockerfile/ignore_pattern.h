// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One pattern of a .dockerignore, as moby/patternmatcher reads it: ?, *, [...] and \ as in Go's
// filepath.Match, and ** for any number of directories.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace davit::cli::dockerfile {

class IgnorePattern {
 public:
  // `text` is a clean relative path. The error says what is wrong: a [ without its end, a range without its
  // bounds, a \ at the end.
  static std::expected<IgnorePattern, std::string> Parse(std::string_view text);

  // Whether the pattern matches the path (relative, clean) or a directory above it. In time that is linear in
  // the path: each of its characters costs at most the pattern's length.
  bool Matches(std::string_view path) const;

 private:
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  struct Part {
    // kDirectories, "**/", is nothing, or anything that ends with "/"; its second part, kWithin, is reached
    // inside.
    enum class Kind : uint8_t { kCharacter, kAny, kStar, kSet, kDirectories, kWithin, kRest } kind;
    uint32_t character = 0;
    bool negated = false;
    std::vector<Range> ranges = {};

    bool Takes(uint32_t code) const;
  };
  class Parser;

  bool MatchesLiteral(std::string_view path) const;
  bool MatchesEnd(std::string_view path) const;
  bool MatchesParts(std::string_view path) const;
  void Close(std::vector<char>& reached) const;

  std::vector<Part> parts_;
  // Faster ways, for most patterns: the text if it has nothing special, or that behind a leading "**".
  enum class Shape : uint8_t { kGeneral, kLiteral, kEnd } shape_ = Shape::kGeneral;
  std::string literal_;
};

}  // namespace davit::cli::dockerfile
