// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Joins lines to instructions: comments, continuations, heredocs.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/directives.h"
#include "cli/build/dockerfile/heredoc.h"
#include "cli/build/dockerfile/placed_text.h"
#include "cli/build/dockerfile/source_lines.h"

namespace davit::cli::dockerfile {

class LineReader {
 public:
  // `text` must outlive the reader.
  explicit LineReader(std::string_view text) : lines_(text) {}

  // The next instruction with its continuation lines joined, without its heredocs; none at the end of the
  // file. Blanks in front are removed. It is never empty, but may be of blanks alone.
  Parsed<std::optional<PlacedText>> Next();

  // The lines that follow, up to the heredoc's end, as its content. The problem of a heredoc without an end
  // is at `start`, the instruction.
  Parsed<> ReadHeredoc(Place start, Heredoc& heredoc);

  int line() const { return lines_.read(); }  // the last line that was read
  const Directives& directives() const { return directives_; }
  const std::vector<Place>& empty_continuations() const { return empty_continuations_; }

 private:
  // Adds the line without the escape character that continues it; true if there was one.
  bool Append(const SourceLine& line, size_t begin, PlacedText& joined) const;
  Parsed<> AppendContinuation(PlacedText& joined);

  SourceLines lines_;
  Directives directives_;
  std::vector<Place> empty_continuations_;
};

}  // namespace davit::cli::dockerfile
