// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/auth_challenge.h"

#include <algorithm>

namespace davit::images {
namespace {

constexpr size_t kMaxChallenges = 16;
constexpr size_t kMaxParams = 32;

// A cursor over the header.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }
  bool Skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void SkipSpace() {
    while (Skip(' ') || Skip('\t')) {
    }
  }
  void SkipSpaceAndCommas() {
    while (Skip(' ') || Skip('\t') || Skip(',')) {
    }
  }
  std::string_view Token() {
    size_t size = 0;
    while (size < rest_.size() && IsTokenCharacter(rest_[size])) ++size;
    return Take(size);
  }
  // A quoted string's content, with its escapes undone; false when it does not end.
  bool Quoted(std::string& value) {
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      value += rest_[i];
    }
    return false;
  }
  bool StartsWith(char c) const { return rest_.starts_with(c); }
  std::string_view Token68() {
    size_t size = 0;
    while (size < rest_.size() && rest_[size] != ',' && rest_[size] != ' ') ++size;
    return Take(size);
  }

 private:
  static bool IsTokenCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  }
  std::string_view Take(size_t size) {
    std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

// One "name=value"; false, with nothing taken, when the scanner stands at something else.
bool ReadParam(Scanner& scanner, AuthChallenge& challenge) {
  Scanner ahead = scanner;
  std::string name = Lower(ahead.Token());
  ahead.SkipSpace();
  if (name.empty() || !ahead.Skip('=')) return false;
  ahead.SkipSpace();
  std::string value;
  if (ahead.StartsWith('"')) {
    if (!ahead.Quoted(value)) return false;
  } else {
    value = ahead.Token();
    if (value.empty()) return false;  // a token68 that ends with '='
  }
  challenge.params.emplace(std::move(name), std::move(value));  // the first of two wins
  scanner = ahead;
  return true;
}

}  // namespace

std::vector<AuthChallenge> ParseAuthChallenges(std::string_view header) {
  std::vector<AuthChallenge> challenges;
  Scanner scanner(header);
  scanner.SkipSpaceAndCommas();
  while (!scanner.AtEnd() && challenges.size() < kMaxChallenges) {
    AuthChallenge challenge;
    challenge.scheme = Lower(scanner.Token());
    if (challenge.scheme.empty()) break;
    scanner.SkipSpace();
    if (!ReadParam(scanner, challenge)) {
      scanner.Token68();
      scanner.SkipSpace();
      if (!scanner.AtEnd() && !scanner.StartsWith(',')) scanner = Scanner("");
    } else {
      // After a comma comes another parameter or another challenge: only a parameter has a '='.
      do {
        scanner.SkipSpaceAndCommas();
      } while (challenge.params.size() < kMaxParams && ReadParam(scanner, challenge));
    }
    challenges.push_back(std::move(challenge));
    scanner.SkipSpaceAndCommas();
  }
  return challenges;
}

}  // namespace davit::images
