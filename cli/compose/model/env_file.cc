// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/env_file.h"

#include <algorithm>
#include <optional>

namespace davit::cli::compose {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view Trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

bool IsName(std::string_view name) {
  return !name.empty() && name.find_first_of(" \t\"'$#=") == std::string_view::npos;
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& file, const Environment& around)
      : rest_(text), file_(file), around_(around), known_(around) {}

  Result<Environment> Read(bool raw) {
    while (!rest_.empty()) {
      std::string_view line = Trim(rest_.substr(0, rest_.find('\n')));
      if (line.empty() || line.starts_with('#'))
        SkipLine();
      else
        TRY(raw ? RawLine(line) : Line());
      if (bytes_ > kMostInterpolatedBytes) return Bad("the variables are too long");
    }
    return std::move(found_);
  }

 private:
  std::unexpected<Error> Bad(std::string_view why) const {
    return Fail(Code::kInvalidArgument, "read variables", file_ + ":" + std::to_string(line_), why);
  }

  void SkipLine() {
    rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size() - 1) + 1);
    ++line_;
  }

  void Put(const std::string& name, std::string value) {
    bytes_ += value.size();
    if (!around_.contains(name)) known_[name] = value;
    found_[name] = std::move(value);
  }

  void TakeFromAround(const std::string& name) {
    auto value = around_.find(name);
    if (value != around_.end()) Put(name, value->second);
  }

  Result<> RawLine(std::string_view line) {
    size_t equals = line.find('=');
    std::string name(Trim(line.substr(0, equals)));
    if (!IsName(name)) return Bad("write NAME=VALUE or NAME");
    if (equals == std::string_view::npos)
      TakeFromAround(name);
    else
      Put(name, std::string(line.substr(equals + 1)));
    SkipLine();
    return {};
  }

  // `rest_` begins with the line.
  Result<> Line() {
    std::string_view line = rest_.substr(0, rest_.find('\n'));
    size_t equals = line.find('=');
    std::string_view left = Trim(line.substr(0, equals));
    if (left.starts_with("export ") || left.starts_with("export\t")) left = Trim(left.substr(7));
    std::string name(left);
    if (!IsName(name)) return Bad("write NAME=VALUE or NAME");
    if (equals == std::string_view::npos) {
      TakeFromAround(name);
      SkipLine();
      return {};
    }
    std::string_view value = line.substr(equals + 1);
    size_t begin = value.find_first_not_of(kBlank);
    char quote = begin == std::string_view::npos ? '\0' : value[begin];
    if (quote == '"' || quote == '\'') {
      rest_.remove_prefix(equals + 1 + begin + 1);
      Put(name, TRY(Quoted(quote)));
      return {};
    }
    Put(name, TRY(Replaced(std::string(Trim(WithoutRemark(value))))));
    SkipLine();
    return {};
  }

  static std::string_view WithoutRemark(std::string_view value) {
    for (size_t i = 0; i < value.size(); ++i)
      if (value[i] == '#' && (i == 0 || kBlank.contains(value[i - 1]))) return value.substr(0, i);
    return value;
  }

  // Behind the first quote, up to the end of the line of the last one.
  Result<std::string> Quoted(char quote) {
    std::string text;
    size_t i = 0;
    for (; i < rest_.size() && rest_[i] != quote; ++i) {
      bool escape = quote == '"' && rest_[i] == '\\' && i + 1 < rest_.size();
      if (escape)
        text += Unescaped(rest_[++i]);
      else
        text += rest_[i];
    }
    if (i == rest_.size()) return Bad("a closing quote is missing");
    line_ += static_cast<int>(std::ranges::count(rest_.substr(0, i), '\n'));
    std::string value = quote == '"' ? TRY(Replaced(text)) : text;
    rest_.remove_prefix(i + 1);
    std::string_view after = Trim(rest_.substr(0, rest_.find('\n')));
    if (!after.empty() && !after.starts_with('#')) return Bad("there is more after the closing quote");
    if (!rest_.empty()) SkipLine();
    return value;
  }

  // An escaped dollar stays one by way of "$$".
  static std::string Unescaped(char letter) {
    switch (letter) {
      case 'n':
        return "\n";
      case 'r':
        return "\r";
      case 't':
        return "\t";
      case '$':
        return "$$";
      case '"':
      case '\\':
        return std::string(1, letter);
      default:
        return {'\\', letter};
    }
  }

  Result<std::string> Replaced(const std::string& text) const {
    if (!text.contains('$')) return text;
    Result<std::string> replaced = Interpolation(known_).Replace(text);
    if (!replaced) return Bad(replaced.error().ToString());
    return replaced;
  }

  std::string_view rest_;
  const std::string& file_;
  const Environment& around_;
  Environment known_;  // around, and lines before
  Environment found_;
  size_t bytes_ = 0;  // of all values so far
  int line_ = 1;
};

}  // namespace

Result<Environment> ParseEnvFile(std::string_view text, const std::string& file, const Environment& around) {
  return Reader(text, file, around).Read(/*raw=*/false);
}

Result<Environment> ParseRawEnvFile(std::string_view text, const std::string& file,
                                    const Environment& around) {
  return Reader(text, file, around).Read(/*raw=*/true);
}

}  // namespace davit::cli::compose
