// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/placed_text.h"

#include <algorithm>

#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {

void PlacedText::Append(std::string_view text, Place start) {
  pieces_.push_back({text_.size(), start});
  text_ += text;
}

Place PlacedText::PlaceOf(size_t offset) const {
  auto next = std::ranges::upper_bound(pieces_, offset, {}, &Piece::offset);
  if (next == pieces_.begin()) return {};
  const Piece& piece = *std::prev(next);
  return {piece.start.line, piece.start.column + static_cast<int>(offset - piece.offset)};
}

Span Span::From(size_t position, size_t length) const {
  Span part = *this;
  part.text_ = text_.substr(position, length);
  part.offset_ = offset_ + position;
  return part;
}

Span Span::Trimmed() const {
  std::string_view rest = WithoutLeadingBlanks(text_);
  return From(text_.size() - rest.size(), WithoutTrailingBlanks(rest).size());
}

}  // namespace davit::cli::dockerfile
