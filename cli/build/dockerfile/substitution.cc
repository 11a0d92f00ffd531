// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a $ begins.
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/expansion_run.h"
#include "cli/build/dockerfile/shell_pattern.h"

namespace davit::cli::dockerfile {
namespace {

constexpr std::string_view kMissingBrace = "syntax error: missing '}'";
constexpr std::string_view kTooDeep = "more than 64 substitutions in each other";
constexpr std::string_view kTooCostly = "the pattern takes too many steps or makes the text too long";

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Parameters of POSIX shells: never set in a Dockerfile, but names.
bool IsSpecialParameter(char c) {
  return std::string_view("@*#?-$!").contains(c);
}

std::string_view ValueOrNothing(const std::string* value) {
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

// A substitution as it was written.
std::string Restored(const std::string& name, std::string_view form) {
  return "${" + name + std::string(form) + "}";
}

std::unexpected<std::string> Unsupported(std::string_view form) {
  return std::unexpected("unsupported modifier (" + std::string(form) + ") in substitution");
}

}  // namespace

const std::string* ExpansionRun::Find(const std::string& name) {
  const std::string* value = variables_.Find(name);
  if (value == nullptr) unset_.insert(name);
  return value;
}

std::string ExpansionRun::Name() {
  if (rest_.empty()) return {};
  if (IsSpecialParameter(rest_.front())) return std::string(Next());
  const bool number = IsDigit(rest_.front());
  std::string name;
  while (!rest_.empty() && (number ? IsDigit(rest_.front()) : IsNameCharacter(Peek()))) name += Next();
  return name;
}

ExpansionRun::Expanded<std::string> ExpansionRun::Dollar() {
  Next();
  if (Peek() != "{") {
    const std::string name = Name();
    if (name.empty()) return "$";
    const std::string* value = Find(name);
    if (value == nullptr && style_.unset_stays) return "$" + name;
    return Spend(value == nullptr ? "" : *value);
  }
  if (depth_ == kMaxExpansionDepth) return std::unexpected(std::string(kTooDeep));
  ++depth_;
  Expanded<std::string> result = Braced();
  --depth_;
  return result ? Spend(*std::move(result)) : std::move(result);
}

ExpansionRun::Expanded<std::string> ExpansionRun::Braced() {
  Next();
  if (rest_.empty()) return std::unexpected(std::string(kMissingBrace));
  if (Peek() == "{" || Peek() == "}" || Peek() == ":")
    return std::unexpected("syntax error: bad substitution");
  const std::string name = Name();
  std::string form(Next());
  if (form == "}") {
    const std::string* value = Find(name);
    if (value == nullptr && style_.unset_stays) return Restored(name, "");
    return value == nullptr ? "" : *value;
  }
  if (form == "/") return Replace(name);
  if (form == "#" || form == "%") return Trim(name, std::move(form));
  if (form == ":") form += Next();
  if (form.size() == 2 && (form[1] == '#' || form[1] == '%')) return Unsupported(form);
  if (form.empty()) return std::unexpected(std::string(kMissingBrace));
  return Conditional(name, std::move(form));
}

// A part of ${...} up to its end; `missing` is the error if there is none.
ExpansionRun::Expanded<std::string> ExpansionRun::Part(char end, Mode mode, std::string_view missing) {
  Expanded<ExpandedText> part = UpTo(end, mode);
  if (part) return std::move(part->text);
  return std::unexpected(rest_.empty() ? std::string(missing) : std::move(part).error());
}

// ${v:-w} and its relatives: a colon counts an empty variable as unset.
ExpansionRun::Expanded<std::string> ExpansionRun::Conditional(const std::string& name, std::string form) {
  const char kind = form.back();
  const bool known = kind == '+' || kind == '-' || kind == '?';
  const bool colon = form.size() == 2;
  if (!known && !colon) return Unsupported(form);
  std::string word = TRY(Part('}', {}, kMissingBrace));
  const std::string* value = Find(name);
  if (value == nullptr && style_.unset_stays) return Restored(name, form + word);
  if (!known) return Unsupported(form);
  const bool counts = value != nullptr && !(colon && value->empty());
  if (kind == '+') return counts ? word : "";
  if (counts) return *value;
  if (kind == '-') return word;
  if (word.empty()) word = value == nullptr ? "is not allowed to be unset" : "is not allowed to be empty";
  return std::unexpected(name + ": " + word);
}

ExpansionRun::Expanded<std::string> ExpansionRun::Trim(const std::string& name, std::string form) {
  std::string word = TRY(Part('}', {.escapes_stay = true, .is_pattern = true}, kMissingBrace));
  const std::string* value = Find(name);
  if (value == nullptr && style_.unset_stays) return Restored(name, form + word);
  const Extent extent = word.starts_with(form) ? Extent::kLongest : Extent::kShortest;
  if (extent == Extent::kLongest) word.erase(0, 1);
  auto pattern = ShellPattern::Parse(word);
  if (!pattern) return std::unexpected("invalid pattern (" + word + ") in substitution: " + pattern.error());
  std::string result;
  const std::string_view text = ValueOrNothing(value);
  const bool ended = form == "#" ? pattern->RemovePrefix(text, extent, budget_.steps, result)
                                 : pattern->RemoveSuffix(text, extent, budget_.steps, result);
  if (!ended) return std::unexpected(std::string(kTooCostly));
  return result;
}

ExpansionRun::Expanded<std::string> ExpansionRun::Replace(const std::string& name) {
  const bool all = Peek() == "/";
  if (all) Next();
  const std::string word =
      TRY(Part('/', {.escapes_stay = true, .is_pattern = true}, "syntax error: missing '/' in ${}"));
  const std::string replacement = TRY(Part('}', {.escapes_stay = true}, kMissingBrace));
  const std::string* value = Find(name);
  if (value == nullptr && style_.unset_stays) return Restored(name, "/" + word + "/" + replacement);
  auto pattern = ShellPattern::Parse(word);
  if (!pattern) return std::unexpected("invalid pattern (" + word + ") in substitution: " + pattern.error());
  std::string result;
  const std::string_view text = ValueOrNothing(value);
  const bool ended = all ? pattern->ReplaceAll(text, replacement, budget_.steps, result)
                         : pattern->ReplaceFirst(text, replacement, budget_.steps, result);
  if (!ended) return std::unexpected(std::string(kTooCostly));
  return result;
}

}  // namespace davit::cli::dockerfile
