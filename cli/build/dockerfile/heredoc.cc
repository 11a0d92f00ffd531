// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/heredoc.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "cli/build/dockerfile/expansion_run.h"

namespace davit::cli::dockerfile {
namespace {

// The words of a text without expansion. The escape directive does not count here, as in BuildKit.
std::expected<std::vector<std::string>, std::string> WordsOf(std::string_view text, ExpansionStyle style) {
  style.unset_stays = true;
  Variables none;
  ExpansionBudget budget;
  std::set<std::string> unset;
  return TRY(ExpansionRun(text, style, none, budget, unset).Everything()).TakeWords();
}

auto CountQuotes(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return c == '\'' || c == '"'; });
}

}  // namespace

std::string Heredoc::Content() const {
  if (!strips_tabs) return content;
  std::string stripped;
  bool at_line_start = true;
  for (char c : content) {
    if (at_line_start && c == '\t') continue;
    stripped += c;
    at_line_start = c == '\n';
  }
  return stripped;
}

std::expected<std::optional<Heredoc>, std::string> ParseHeredocWord(std::string_view word) {
  const size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  if (!word.substr(digits).starts_with("<<")) return std::nullopt;
  Heredoc heredoc;
  std::from_chars(word.data(), word.data() + digits, heredoc.descriptor);
  std::string_view rest = word.substr(digits + 2);
  heredoc.strips_tabs = rest.starts_with('-');
  if (heredoc.strips_tabs) rest.remove_prefix(1);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n\f\r"), rest.size()));
  if (rest.empty() || rest.contains('<')) return std::nullopt;

  const std::vector<std::string> words = TRY(WordsOf(rest, {}));
  const std::vector<std::string> quoted = TRY(WordsOf(rest, {.quotes_stay = true}));
  if (words.size() != 1 || quoted.size() != 1) return std::nullopt;
  heredoc.name = words[0];
  heredoc.expands = CountQuotes(words[0]) == CountQuotes(quoted[0]);
  return heredoc;
}

std::expected<std::vector<Heredoc>, std::string> HeredocsOfLine(std::string_view line) {
  std::vector<Heredoc> heredocs;
  auto words = WordsOf(line, {.quotes_stay = true, .escapes_stay = true});
  if (!words) return heredocs;
  for (const std::string& word : *words) {
    std::optional<Heredoc> heredoc = TRY(ParseHeredocWord(word));
    if (heredoc) heredocs.push_back(*std::move(heredoc));
  }
  return heredocs;
}

}  // namespace davit::cli::dockerfile
