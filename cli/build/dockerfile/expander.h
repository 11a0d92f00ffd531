// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Expands variables and quotes in words, as BuildKit's shell lexer does: $v, ${v}, ${v:-w}, ${v-w}, ${v:+w},
// ${v+w}, ${v:?e}, ${v?e}, ${v#p}, ${v##p}, ${v%p}, ${v%%p}, ${v/p/r}, ${v//p/r}.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/build/dockerfile/limits.h"
#include "cli/build/dockerfile/placed_text.h"
#include "cli/build/dockerfile/variables.h"

namespace davit::cli::dockerfile {

// What is left of what all expansions of a file may cost together.
struct ExpansionBudget {
  size_t bytes = kMaxWrittenBytes;
  size_t steps = kMaxPatternSteps;
};

struct ExpansionStyle {
  char escape = '\\';            // that of the `# escape=` directive
  bool quotes_stay = false;      // they quote, and remain in the result
  bool quotes_are_text = false;  // they do not quote: content of heredocs
  bool escapes_stay = false;
  bool unset_stays = false;  // "$v" remains if v is not set; otherwise it is replaced by nothing
};

class Expander {
 public:
  // `variables` and `budget` must outlive the expander.
  Expander(const ExpansionStyle& style, const Variables& variables, ExpansionBudget& budget)
      : style_(style), variables_(&variables), budget_(&budget) {}

  // The word as one text. The problem of a quote or brace without its end, of an unknown form, of ${v?e}, and
  // of an exceeded limit is at the word's place.
  Parsed<std::string> Word(const Token& word);

  // The words of a text: split at blanks that are neither quoted nor escaped, those in values of variables
  // included.
  Parsed<std::vector<std::string>> Words(const Token& text);

  // The variables that were wanted, but are not set.
  const std::set<std::string>& unset() const { return unset_; }

 private:
  ExpansionStyle style_;
  const Variables* variables_;
  ExpansionBudget* budget_;
  std::set<std::string> unset_;
};

}  // namespace davit::cli::dockerfile
