// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/flags.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/nearest_word.h"

namespace davit::cli::dockerfile {
namespace {

using Known = Flags::Known;

std::unexpected<Problem> Unknown(Place place, const std::string& name, std::initializer_list<Known> known) {
  std::vector<std::string> names;
  for (const Known& flag : known) names.push_back("--" + std::string(flag.name));
  return Refuse(place, "unknown flag: " + name, NearestWord(name, std::span<const std::string>(names)));
}

Parsed<std::string> BoolValue(Place place, const std::string& name, const std::optional<std::string>& value) {
  const std::string text = value ? LowerCase(*value) : "true";
  if (text == "true" || text == "false") return text;
  return Refuse(place, "flag " + name + " has the value \"" + *value + "\": expected true or false");
}

}  // namespace

Parsed<Flags> Flags::Parse(const std::vector<Token>& flags, std::initializer_list<Known> known) {
  Flags parsed;
  for (const Token& flag : flags) {
    const size_t sign = flag.text.find('=');
    const std::string name = flag.text.substr(0, sign);
    std::optional<std::string> value;
    if (sign != std::string::npos) value = flag.text.substr(sign + 1);
    auto found =
        std::ranges::find_if(known, [&](const Known& one) { return name == "--" + std::string(one.name); });
    if (found == known.end()) return Unknown(flag.place, name, known);
    std::vector<Token>& values = parsed.values_[std::string(found->name)];
    if (!values.empty() && found->kind != Kind::kTexts)
      return Refuse(flag.place, "duplicate flag specified: " + name);
    if (found->kind == Kind::kBool) value = TRY(BoolValue(flag.place, name, value));
    if (!value) return Refuse(flag.place, "missing a value on flag: " + name);
    values.push_back({*std::move(value), flag.place});
  }
  return parsed;
}

Token Flags::Text(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? Token() : found->second.front();
}

std::vector<Token> Flags::Texts(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::vector<Token>() : found->second;
}

}  // namespace davit::cli::dockerfile
