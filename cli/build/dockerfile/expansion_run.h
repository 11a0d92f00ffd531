// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The expansion of one text: a reader of words (expansion_run.cc) and of what follows a $ (substitution.cc).
#pragma once

#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/expander.h"

namespace davit::cli::dockerfile {

// A text that is expanded, as one and in words.
struct ExpandedText {
  // Blanks in `added` end words if `splits`.
  void Add(std::string_view added, bool splits);
  std::vector<std::string> TakeWords();

  std::string text = {};
  std::vector<std::string> words = {};
  std::string word = {};  // the one that has not ended
};

class ExpansionRun {
 public:
  template <typename T>
  using Expanded = std::expected<T, std::string>;  // or what is wrong

  ExpansionRun(std::string_view source, const ExpansionStyle& style, const Variables& variables,
               ExpansionBudget& budget, std::set<std::string>& unset)
      : rest_(source), style_(style), variables_(variables), budget_(budget), unset_(unset) {}

  Expanded<ExpandedText> Everything() { return UpTo(std::nullopt, {.escapes_stay = style_.escapes_stay}); }

 private:
  // How a part of the text is read. In patterns, escape characters in quotes are doubled: ShellPattern reads
  // them again.
  struct Mode {
    bool escapes_stay = false;
    bool is_pattern = false;
  };

  // Up to and including an unquoted `end`, or to the end of the text.
  Expanded<ExpandedText> UpTo(std::optional<char> end, Mode mode);
  Expanded<std::string> SingleQuoted(Mode mode);
  Expanded<std::string> DoubleQuoted(Mode mode);
  void AddDoubleQuotedEscape(Mode mode, std::string& result);
  // A character, or one with its escape.
  void AddPlain(Mode mode, ExpandedText& result);
  // "<<" keeps the blanks that follow it, so that the word of a heredoc stays one.
  std::string HeredocMark();

  // Everything that a $ can begin.
  Expanded<std::string> Dollar();
  Expanded<std::string> Braced();
  Expanded<std::string> Conditional(const std::string& name, std::string form);
  Expanded<std::string> Trim(const std::string& name, std::string form);
  Expanded<std::string> Replace(const std::string& name);
  Expanded<std::string> Part(char end, Mode mode, std::string_view missing);
  std::string Name();
  const std::string* Find(const std::string& name);

  std::string_view Peek() const;
  std::string_view Next();
  bool AtEscape() const { return !rest_.empty() && rest_.front() == style_.escape; }
  // Counts what was written.
  Expanded<std::string> Spend(std::string text);

  std::string_view rest_;
  const ExpansionStyle& style_;
  const Variables& variables_;
  ExpansionBudget& budget_;
  std::set<std::string>& unset_;
  int depth_ = 0;
};

}  // namespace davit::cli::dockerfile
