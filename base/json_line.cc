// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/json_line.h"

#include <algorithm>

namespace davit {
namespace {

// Moves through a well-formed text.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  size_t line() const { return LineOf(text_, at_); }
  void SkipSpace() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  // From a value to the one inside it; stays where it is and returns false if there is none.
  bool Enter(const JsonStep& step) {
    const size_t here = at_;
    const auto* name = std::get_if<std::string_view>(&step);
    size_t left = name == nullptr ? std::get<size_t>(step) : 0;
    const char open = name == nullptr ? '[' : '{';
    const char close = name == nullptr ? ']' : '}';
    for (char c = Take(); c == open || c == ','; SkipSpace(), c = Take()) {
      SkipSpace();
      if (at_ >= text_.size() || text_[at_] == close) break;
      if (name == nullptr ? left-- == 0 : TakeName() == *name) return true;
      SkipValue();
    }
    at_ = here;
    return false;
  }

 private:
  char Take() { return at_ < text_.size() ? text_[at_++] : '\0'; }

  // The text of a string without its quotes; moves behind it.
  std::string_view TakeString() {
    size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_, text_.size());
    return text_.substr(begin, at_++ - begin);
  }

  // A member's name; moves to its value.
  std::string_view TakeName() {
    std::string_view name = TakeString();
    SkipSpace();
    ++at_;  // the colon
    SkipSpace();
    return name;
  }

  void SkipValue() {
    size_t depth = 0;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '"') {
        TakeString();
        continue;
      }
      if (depth == 0 && (c == ',' || c == ']' || c == '}')) return;
      if (c == '[' || c == '{') ++depth;
      if (c == ']' || c == '}') --depth;
      ++at_;
    }
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

size_t LineOf(std::string_view text, size_t offset) {
  return 1 + static_cast<size_t>(std::ranges::count(text.substr(0, offset), '\n'));
}

size_t JsonLine(std::string_view text, std::span<const JsonStep> path) {
  JsonCursor cursor(text);
  cursor.SkipSpace();
  for (const JsonStep& step : path)
    if (!cursor.Enter(step)) break;
  return cursor.line();
}

}  // namespace davit
