// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/expansion_run.h"

#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

// A text that is expanded may be a whole file.
constexpr size_t kMaxTextBytes = kMaxFileBytes + kMaxExpandedBytes;
constexpr std::string_view kTooLong = "the text becomes too long";
constexpr std::string_view kTooMuch = "the file's variables expand to more than 64 MiB";

}  // namespace

void ExpandedText::Add(std::string_view added, bool splits) {
  text += added;
  if (!splits) {
    word += added;
    return;
  }
  while (!added.empty()) {
    const size_t blank = BlankLength(added);
    const size_t step = blank > 0 ? blank : CharacterStep(added);
    if (blank == 0) {
      word += added.substr(0, step);
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
    added.remove_prefix(step);
  }
}

std::vector<std::string> ExpandedText::TakeWords() {
  if (!word.empty()) words.push_back(std::exchange(word, {}));
  return std::move(words);
}

std::string_view ExpansionRun::Peek() const {
  return rest_.empty() ? rest_ : rest_.substr(0, CharacterStep(rest_));
}

std::string_view ExpansionRun::Next() {
  std::string_view next = Peek();
  rest_.remove_prefix(next.size());
  return next;
}

ExpansionRun::Expanded<std::string> ExpansionRun::Spend(std::string text) {
  if (text.size() > kMaxExpandedBytes) return std::unexpected(std::string(kTooLong));
  if (text.size() > budget_.bytes) return std::unexpected(std::string(kTooMuch));
  budget_.bytes -= text.size();
  return text;
}

ExpansionRun::Expanded<ExpandedText> ExpansionRun::UpTo(std::optional<char> end, Mode mode) {
  ExpandedText result;
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (end && c == *end) {
      Next();
      return result;
    }
    if (c == '$') {
      result.Add(TRY(Dollar()), /*splits=*/true);
    } else if (c == '<') {
      result.Add(HeredocMark(), /*splits=*/false);
    } else if (c == '\'' && !style_.quotes_are_text) {
      result.Add(TRY(SingleQuoted(mode)), /*splits=*/false);
    } else if (c == '"' && !style_.quotes_are_text) {
      result.Add(TRY(DoubleQuoted(mode)), /*splits=*/false);
    } else {
      AddPlain(mode, result);
    }
    if (result.text.size() > kMaxTextBytes) return std::unexpected(std::string(kTooLong));
  }
  if (end)
    return std::unexpected("unexpected end of statement while looking for matching " + std::string(1, *end));
  return result;
}

void ExpansionRun::AddPlain(Mode mode, ExpandedText& result) {
  if (!AtEscape()) return result.Add(Next(), /*splits=*/true);
  std::string_view escape = Next();
  if (mode.escapes_stay) result.Add(escape, /*splits=*/false);
  result.Add(Next(), /*splits=*/false);  // nothing at the end of the text
}

std::string ExpansionRun::HeredocMark() {
  std::string mark(Next());
  if (Peek() != "<") return mark;
  mark += Next();
  while (Peek() == " " || Peek() == "\t" || Peek() == "\r") mark += Next();
  return mark;
}

// Between single quotes nothing is special, not even the escape character.
ExpansionRun::Expanded<std::string> ExpansionRun::SingleQuoted(Mode mode) {
  std::string result;
  std::string_view quote = Next();
  if (style_.quotes_stay) result += quote;
  while (!rest_.empty() && Peek() != "'") {
    if (mode.is_pattern && AtEscape()) result += style_.escape;
    result += Next();
  }
  if (rest_.empty())
    return std::unexpected("unexpected end of statement while looking for matching single-quote");
  quote = Next();
  if (style_.quotes_stay) result += quote;
  return result;
}

// Between double quotes, $ is special, and so is the escape character before a double quote, a $ or another
// one.
ExpansionRun::Expanded<std::string> ExpansionRun::DoubleQuoted(Mode mode) {
  std::string result;
  std::string_view quote = Next();
  if (style_.quotes_stay) result += quote;
  while (!rest_.empty() && Peek() != "\"") {
    if (Peek() == "$") {
      result += TRY(Dollar());
    } else if (AtEscape()) {
      AddDoubleQuotedEscape(mode, result);
    } else {
      result += Next();
    }
  }
  if (rest_.empty())
    return std::unexpected("unexpected end of statement while looking for matching double-quote");
  quote = Next();
  if (style_.quotes_stay) result += quote;
  return result;
}

void ExpansionRun::AddDoubleQuotedEscape(Mode mode, std::string& result) {
  std::string_view escape = Next();
  if (rest_.empty()) return;
  if (Peek() == "\"" || Peek() == "$" || AtEscape()) {
    if (mode.escapes_stay) result += escape;
    result += Next();
  } else {
    if (mode.escapes_stay && (!style_.quotes_stay || mode.is_pattern)) result += escape;
    result += escape;
  }
}

}  // namespace davit::cli::dockerfile
