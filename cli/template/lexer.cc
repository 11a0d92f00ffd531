// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template/lexer.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/number.h"
#include "cli/template/nodes.h"

namespace davit::cli {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

bool IsSpace(char c) {
  return kSpaces.find(c) != std::string_view::npos;
}

bool IsNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool IsNamePart(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string Unescape(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    bool escape = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n');
    result += escape ? (text[++i] == 't' ? '\t' : '\n') : text[i];
  }
  return result;
}

class Lexer {
 public:
  explicit Lexer(const std::string& text) : text_(text) {}

  Result<std::vector<Token>> Split() {
    while (at_ < text_.size()) {
      TakeText();
      if (at_ < text_.size()) TRY(TakeAction());
    }
    Add(Token::Kind::kEnd, "", at_);
    return std::move(tokens_);
  }

 private:
  std::unexpected<Error> Bad(size_t at, const std::string& why) const {
    return TemplateError(text_, at, why);
  }

  void Add(Token::Kind kind, std::string text, size_t at) {
    tokens_.push_back({kind, std::move(text), at, joined_});
    joined_ = true;
  }

  bool Has(std::string_view word) const { return std::string_view(text_).substr(at_).starts_with(word); }

  // Up to the next action.
  void TakeText() {
    size_t begin = at_;
    at_ = std::min(text_.find("{{", at_), text_.size());
    std::string text = Unescape(std::string_view(text_).substr(begin, at_ - begin));
    if (trim_next_) text.erase(0, std::min(text.find_first_not_of(kSpaces), text.size()));
    bool trim = text_.compare(at_, 3, "{{-") == 0 && at_ + 3 < text_.size() && IsSpace(text_[at_ + 3]);
    if (trim) text.erase(text.find_last_not_of(kSpaces) + 1);
    if (!text.empty()) Add(Token::Kind::kText, std::move(text), begin);
    trim_next_ = false;
    trims_ = trim;
  }

  Result<> TakeAction() {
    size_t begin = at_;
    at_ += trims_ ? 3 : 2;
    if (TRY(TakeComment(begin))) return {};
    Add(Token::Kind::kOpen, "{{", begin);
    for (;;) {
      joined_ = SkipSpaces();
      if (at_ >= text_.size()) return Bad(begin, "it has no end: }} is missing");
      bool trim = !joined_ && Has("-}}");
      if (trim || Has("}}")) {
        Add(Token::Kind::kClose, "}}", at_);
        trim_next_ = trim;
        at_ += trim ? 3 : 2;
        return {};
      }
      TRY(TakeToken());
    }
  }

  // Whether the action is a comment, which is then behind us.
  Result<bool> TakeComment(size_t begin) {
    size_t start = at_;
    SkipSpaces();
    if (!Has("/*")) {
      at_ = start;
      return false;
    }
    size_t end = text_.find("*/", at_ + 2);
    if (end == std::string::npos) return Bad(begin, "the comment has no end");
    at_ = end + 2;
    bool spaces = !SkipSpaces();
    trim_next_ = spaces && Has("-}}");
    if (!trim_next_ && !Has("}}")) return Bad(begin, "a comment has to be alone in its braces");
    at_ += trim_next_ ? 3 : 2;
    return true;
  }

  // Returns whether there are none.
  bool SkipSpaces() {
    size_t begin = at_;
    at_ = std::min(text_.find_first_not_of(kSpaces, at_), text_.size());
    return at_ == begin;
  }

  std::string TakeName() {
    size_t begin = at_;
    while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Result<> TakeToken() {
    size_t begin = at_;
    char c = text_[at_];
    if (c == '.' && at_ + 1 < text_.size() && IsNamePart(text_[at_ + 1])) {
      ++at_;
      Add(Token::Kind::kField, TakeName(), begin);
    } else if (c == '.') {
      ++at_;
      Add(Token::Kind::kDot, ".", begin);
    } else if (c == '$') {
      ++at_;
      Add(Token::Kind::kVariable, TakeName(), begin);
    } else if (IsNameStart(c)) {
      Add(Token::Kind::kIdentifier, TakeName(), begin);
    } else if (c == '"' || c == '`') {
      return TakeString();
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '+') {
      ++at_;
      while (at_ < text_.size() && (IsNamePart(text_[at_]) || text_[at_] == '.')) ++at_;
      Add(Token::Kind::kNumber, text_.substr(begin, at_ - begin), begin);
    } else {
      return TakeSign();
    }
    return {};
  }

  Result<> TakeSign() {
    for (std::string_view sign : {":=", "|", ",", "=", "(", ")"}) {
      if (!Has(sign)) continue;
      Add(Token::Kind::kSign, std::string(sign), at_);
      at_ += sign.size();
      return {};
    }
    return Bad(at_, std::string("unexpected ") + text_[at_]);
  }

  Result<> TakeString() {
    size_t begin = at_;
    char quote = text_[at_++];
    std::string value;
    for (;; ++at_) {
      if (at_ >= text_.size()) return Bad(begin, "the text in quotation marks has no end");
      if (text_[at_] == quote) break;
      if (text_[at_] == '\\' && quote == '"')
        TRY(TakeEscape(value));
      else
        value += text_[at_];
    }
    ++at_;
    Add(Token::Kind::kString, std::move(value), begin);
    return {};
  }

  // Leaves the position at its last letter.
  Result<> TakeEscape(std::string& value) {
    constexpr std::string_view kLetters = "ntr\\\"'";
    constexpr std::string_view kMeanings = "\n\t\r\\\"'";
    size_t begin = at_++;
    char c = at_ < text_.size() ? text_[at_] : '\0';
    if (size_t known = kLetters.find(c); known != std::string_view::npos) {
      value += kMeanings[known];
      return {};
    }
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
    auto number =
        WholeNumber<uint32_t>(std::string_view(text_).substr(std::min(at_ + 1, text_.size()), digits), 16);
    if (digits == 0 || !number)
      return Bad(begin, "unknown escape: there are \\n, \\t, \\r, \\\\, \\\", \\xNN and \\uNNNN");
    at_ += digits;
    if (digits == 2)
      value += static_cast<char>(*number);
    else
      AppendUtf8(*number, value);
    return {};
  }

  static void AppendUtf8(uint32_t code_point, std::string& text) {
    constexpr uint32_t kContinued = 0x3f;
    auto add = [&text](uint32_t byte) { text += static_cast<char>(byte); };
    if (code_point < 0x80) return add(code_point);
    if (code_point < 0x800) {
      add(0xc0 | (code_point >> 6));
    } else {
      add(0xe0 | (code_point >> 12));
      add(0x80 | ((code_point >> 6) & kContinued));
    }
    add(0x80 | (code_point & kContinued));
  }

  const std::string& text_;
  size_t at_ = 0;
  bool joined_ = false;
  bool trims_ = false;      // the action that begins here removes spaces before it
  bool trim_next_ = false;  // the last action removes spaces after it
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> SplitTemplate(const std::string& text) {
  return Lexer(text).Split();
}

}  // namespace davit::cli
