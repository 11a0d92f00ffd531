// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Heredocs: texts in the file that RUN, COPY and ADD read.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/problem.h"

namespace davit::cli::dockerfile {

struct Heredoc {
  std::string name = {};     // the word that ends it, and the name of COPY's file
  unsigned descriptor = 0;   // the number before "<<"
  bool expands = true;       // false if a part of the word is quoted
  bool strips_tabs = false;  // "<<-"
  std::string content = {};  // the lines with their ends, and with the tabs that <<- strips
  Place place = {};          // of the first line of the content

  // Without the tabs at the beginning of lines, if `strips_tabs`.
  std::string Content() const;
};

// A word such as `<<EOF`, `<<-EOF`, `3<<"EOF"`; none if it has another form. The error says what is wrong
// with its quotes.
std::expected<std::optional<Heredoc>, std::string> ParseHeredocWord(std::string_view word);

// The heredocs that an instruction announces, in order and without content. A line whose quotes are not
// closed has none: it may be text of a shell's.
std::expected<std::vector<Heredoc>, std::string> HeredocsOfLine(std::string_view line);

}  // namespace davit::cli::dockerfile
