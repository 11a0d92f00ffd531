// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/words.h"

#include <algorithm>

#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

constexpr std::string_view kBlanks = "\t\v\f\r ";

// Reads one word after the other.
class WordScanner {
 public:
  enum class Quotes : unsigned char { kStay, kGo };

  WordScanner(Span text, char escape, Quotes quotes) : text_(text), escape_(escape), quotes_(quotes) {}

  // Skips blanks; the rest of the text.
  std::string_view Rest() {
    while (size_t blank = BlankLength(text_.text().substr(position_))) position_ += blank;
    return text_.text().substr(position_);
  }
  size_t position() const { return position_; }

  // The word at the position, and whether it has any character or quotes.
  Token Word(bool& counts) {
    Token word{.place = text_.PlaceOf(position_)};
    char quote = 0;
    bool quoted = false;
    while (position_ < text_.text().size()) {
      const std::string_view rest = text_.text().substr(position_);
      if (quote == 0 && BlankLength(rest) > 0) break;
      if (EscapesNext(rest.front(), quote)) {
        AddEscaped(word.text);
      } else if (quote == 0 ? rest.front() == '\'' || rest.front() == '"' : rest.front() == quote) {
        quote = quote == 0 ? rest.front() : 0;
        quoted = true;
        if (quotes_ == Quotes::kStay) word.text += rest.front();
        ++position_;
      } else {
        Add(CharacterStep(rest), word.text);
      }
    }
    counts = quoted || !word.text.empty();
    return word;
  }

 private:
  // Where quotes stay, nothing is special between single ones.
  bool EscapesNext(char c, char quote) const {
    return c == escape_ && (quotes_ == Quotes::kGo || quote != '\'');
  }
  void Add(size_t length, std::string& word) {
    word += text_.text().substr(position_, length);
    position_ += length;
  }
  // An escape character at the end of the text is dropped.
  void AddEscaped(std::string& word) {
    const std::string_view behind = text_.text().substr(position_ + 1);
    if (quotes_ == Quotes::kStay && !behind.empty()) word += escape_;
    ++position_;
    if (!behind.empty()) Add(CharacterStep(behind), word);
  }

  Span text_;
  char escape_;
  Quotes quotes_;
  size_t position_ = 0;
};

}  // namespace

std::pair<Span, std::optional<Span>> SplitAtFirstBlanks(Span text) {
  const size_t end = text.text().find_first_of(kBlanks);
  if (end == std::string_view::npos) return {text, std::nullopt};
  const size_t next = std::min(text.text().find_first_not_of(kBlanks, end), text.text().size());
  return {text.From(0, end), text.From(next)};
}

std::vector<Token> SplitAtBlanks(Span text) {
  std::vector<Token> words;
  for (std::optional<Span> rest = text; rest;) {
    auto [word, next] = SplitAtFirstBlanks(*rest);
    words.push_back({std::string(word.text()), word.place()});
    rest = next;
  }
  return words;
}

std::vector<Token> SplitWords(Span text, char escape) {
  std::vector<Token> words;
  WordScanner scanner(text, escape, WordScanner::Quotes::kStay);
  while (!scanner.Rest().empty()) {
    bool counts = false;
    Token word = scanner.Word(counts);
    if (counts) words.push_back(std::move(word));
  }
  return words;
}

Span TakeFlags(Span text, char escape, std::vector<Token>& flags) {
  WordScanner scanner(text, escape, WordScanner::Quotes::kGo);
  while (scanner.Rest().starts_with("--")) {
    bool counts = false;
    Token flag = scanner.Word(counts);
    if (flag.text == "--") break;
    if (counts) flags.push_back(std::move(flag));
  }
  return text.From(scanner.position());
}

}  // namespace davit::cli::dockerfile
