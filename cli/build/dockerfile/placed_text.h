// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Text of an instruction that knows where it comes from: continuation lines are joined, but each byte keeps
// its line and column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/problem.h"

namespace davit::cli::dockerfile {

class PlacedText {
 public:
  // Adds text whose first byte is at `start` in the file, and all of which is on that line.
  void Append(std::string_view text, Place start);

  const std::string& text() const { return text_; }
  int first_line() const { return pieces_.empty() ? 0 : pieces_.front().start.line; }
  // Of a byte, or of the end.
  Place PlaceOf(size_t offset) const;

 private:
  struct Piece {
    size_t offset;
    Place start;
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

// A part of a PlacedText, which must outlive it.
class Span {
 public:
  explicit Span(const PlacedText& whole) : whole_(&whole), text_(whole.text()) {}

  std::string_view text() const { return text_; }
  bool empty() const { return text_.empty(); }
  Place place() const { return PlaceOf(0); }
  Place PlaceOf(size_t position) const { return whole_->PlaceOf(offset_ + position); }
  Span From(size_t position, size_t length = std::string_view::npos) const;
  Span Trimmed() const;

 private:
  const PlacedText* whole_;
  size_t offset_ = 0;
  std::string_view text_;
};

// A word of an instruction. `text` may differ from the file's: quotes are removed, variables expanded.
struct Token {
  std::string text = {};
  Place place = {};

  bool operator==(const Token&) const = default;
};

}  // namespace davit::cli::dockerfile
