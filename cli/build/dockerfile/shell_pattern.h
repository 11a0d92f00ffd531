// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The patterns of ${v#p}, ${v%p} and ${v/p/r}: `*`, `?` and text. Neither `*` nor `?` matches the end of a
// line.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace davit::cli::dockerfile {

enum class Extent : unsigned char { kShortest, kLongest };

class ShellPattern {
 public:
  // A backslash makes the next character text; it must stand before *, ?, /, } or another one. The error says
  // which escape is none.
  static std::expected<ShellPattern, std::string> Parse(std::string_view text);

  // Each function subtracts the number of its steps from `steps`; these are at most the product of the sizes
  // of pattern and value, for the replacements once more times the size of the value. Returns false, with
  // `steps` 0 or a text of more than kMaxExpandedBytes, if it had to give up.
  [[nodiscard]] bool RemovePrefix(std::string_view value, Extent extent, size_t& steps,
                                  std::string& result) const;
  [[nodiscard]] bool RemoveSuffix(std::string_view value, Extent extent, size_t& steps,
                                  std::string& result) const;
  [[nodiscard]] bool ReplaceFirst(std::string_view value, std::string_view replacement, size_t& steps,
                                  std::string& result) const;
  [[nodiscard]] bool ReplaceAll(std::string_view value, std::string_view replacement, size_t& steps,
                                std::string& result) const;

 private:
  struct Part {
    enum class Kind : unsigned char { kText, kAny, kStar } kind;
    std::string character;  // of kText
  };
  using Characters = std::vector<std::string_view>;

  // The number of characters, from the `begin`th on, that the pattern matches. kNone if it does not match, or
  // if `steps` has become 0.
  static constexpr size_t kNone = -1;
  size_t Match(const Characters& value, size_t begin, Extent extent, size_t& steps) const;

  std::vector<Part> parts_;
};

}  // namespace davit::cli::dockerfile
