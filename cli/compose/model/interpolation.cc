// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/interpolation.h"

#include <algorithm>
#include <utility>

namespace davit::cli::compose {
namespace {

constexpr int kMostNesting = 16;

std::unexpected<Error> Bad(std::string_view text, std::string_view why) {
  return Fail(Code::kInvalidArgument, "replace variables in", text.substr(0, 200), why);
}

constexpr char kForm[] = "write $NAME, ${NAME} or ${NAME:-DEFAULT}, and $$ for a dollar";

bool IsNameLetter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_';
}

size_t NameLength(std::string_view text) {
  size_t length = 0;
  while (length < text.size() &&
         (IsNameLetter(text[length]) || (length > 0 && text[length] >= '0' && text[length] <= '9')))
    ++length;
  return length;
}

// The length of "{...}" with its braces; npos if the last one is missing. Braces of "${" inside are counted.
size_t BracedLength(std::string_view text) {
  int open = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    bool begins = i == 0 || (text[i] == '{' && text[i - 1] == '$');
    if (text[i] == '{' && begins) ++open;
    if (text[i] == '}' && --open == 0) return i + 1;
  }
  return std::string_view::npos;
}

}  // namespace

Result<std::string> Interpolation::Replace(std::string_view text) {
  return ReplaceNested(text, /*depth=*/0);
}

Result<std::string> Interpolation::ReplaceNested(std::string_view text, int depth) {
  if (depth > kMostNesting) return Bad(text, "variables nest too deeply");
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t dollar = std::min(text.find('$', at), text.size());
    result.append(text.substr(at, dollar - at));
    at = dollar + 1;
    if (dollar == text.size()) break;
    std::string_view rest = text.substr(at);
    if (rest.starts_with('$')) {
      result += '$';
      ++at;
    } else if (rest.starts_with('{')) {
      size_t length = BracedLength(rest);
      if (length == std::string_view::npos) return Bad(text, "a closing brace is missing");
      result += TRY(ReplaceBraced(rest.substr(1, length - 2), depth));
      at += length;
    } else {
      size_t length = NameLength(rest);
      if (length == 0) return Bad(text, kForm);
      result += TRY(ReplaceBraced(rest.substr(0, length), depth));
      at += length;
    }
    if (result.size() > kMostInterpolatedBytes) return Bad(text, "the result is too long");
  }
  bytes_ += result.size();
  if (bytes_ > kMostInterpolatedBytes) return Bad(text, "the results are too long");
  return result;
}

// `inner` is what is between the braces.
Result<std::string> Interpolation::ReplaceBraced(std::string_view inner, int depth) {
  size_t length = NameLength(inner);
  std::string name(inner.substr(0, length));
  std::string_view rest = inner.substr(length);
  bool or_empty = rest.starts_with(':');
  if (or_empty) rest.remove_prefix(1);
  char operation = rest.empty() ? '\0' : rest.front();
  bool valid = rest.empty() ? !or_empty : std::string_view("-?+").contains(operation);
  if (length == 0 || !valid) return Bad("${" + std::string(inner) + "}", kForm);

  auto found = environment_.find(name);
  bool given = found != environment_.end() && !(or_empty && found->second.empty());
  if (operation == '\0') {
    if (!given) unset_.insert(name);
    return given ? found->second : "";
  }
  std::string_view word = rest.substr(1);
  if (operation == '+') return given ? ReplaceNested(word, depth + 1) : std::string();
  if (given) return found->second;
  std::string text = TRY(ReplaceNested(word, depth + 1));
  if (operation == '-') return text;
  return Bad("${" + name + "}", text.empty() ? "the variable is required, and has no value" : text);
}

void Interpolation::ReplaceIn(Value& tree, Problems& problems) {
  if (tree.kind == Kind::kText && tree.text.contains('$')) {
    Result<std::string> replaced = Replace(tree.text);
    if (replaced)
      tree.text = std::move(*replaced);
    else
      problems.Add(tree.place, replaced.error().ToString());
  }
  for (Value& item : tree.items) ReplaceIn(item, problems);
  for (Member& member : tree.members) ReplaceIn(member.value, problems);
}

}  // namespace davit::cli::compose
