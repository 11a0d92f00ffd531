// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/scope.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/expand_instruction.h"

namespace davit::cli::dockerfile {
namespace {

std::unexpected<Problem> TooManyVariables(Place place) {
  return Refuse(place,
                "the variables together are larger than " + std::to_string(kMaxVariableBytes) + " bytes");
}

}  // namespace

std::string BuildPlatform::ToString() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

bool IsPredefinedArgument(std::string_view name) {
  constexpr std::string_view kNames[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"};
  const bool one_case = name == LowerCase(name) || name == UpperCase(name);
  return one_case && std::ranges::find(kNames, LowerCase(name)) != std::end(kNames);
}

GlobalScope::GlobalScope(const BuildSettings& settings, std::string_view target_stage, char escape)
    : settings_(&settings), escape_(escape) {
  const BuildPlatform& build = settings.build_platform;
  const BuildPlatform& target = settings.target_platform;
  const std::pair<std::string_view, std::string> kAutomatic[] = {
      {"BUILDPLATFORM", build.ToString()},
      {"BUILDOS", build.os},
      {"BUILDARCH", build.architecture},
      {"BUILDVARIANT", build.variant},
      {"TARGETPLATFORM", target.ToString()},
      {"TARGETOS", target.os},
      {"TARGETARCH", target.architecture},
      {"TARGETVARIANT", target.variant},
      {"TARGETSTAGE", std::string(target_stage.empty() ? "default" : target_stage)}};
  for (const auto& [name, value] : kAutomatic) {
    auto given = settings.arguments.find(name);
    (void)variables_.Set(name, given == settings.arguments.end() ? value : given->second);
  }
}

Parsed<std::string> GlobalScope::Expand(const Token& word) {
  Expander expander({.escape = escape_}, variables_, budget_);
  Parsed<std::string> expanded = expander.Word(word);
  unset_ = expander.unset();
  return expanded;
}

Parsed<> GlobalScope::Declare(const Arg& arg) {
  for (const Arg::Argument& argument : arg.arguments) {
    auto given = settings_->arguments.find(argument.name.text);
    if (given == settings_->arguments.end() && !argument.value) continue;
    const std::string value =
        given == settings_->arguments.end() ? TRY(Expand(*argument.value)) : given->second;
    if (!variables_.Set(argument.name.text, value)) return TooManyVariables(argument.name.place);
  }
  return {};
}

Parsed<StageScope> StageScope::Inherit(Place place) const {
  const size_t bytes = variables_.bytes() + arguments_.bytes();
  ExpansionBudget& budget = global_->budget();
  if (bytes > budget.bytes) return Refuse(place, "the stages' variables together are too large");
  budget.bytes -= bytes;
  return *this;
}

bool StageScope::SetFromImage(std::string_view name, std::string_view value) {
  return variables_.Set(name, value);
}

// Quotes in contents of heredocs are text, and their escape character is always a backslash.
Expander StageScope::MakeExpander(bool contents) const {
  const ExpansionStyle style =
      contents ? ExpansionStyle{.quotes_are_text = true} : ExpansionStyle{.escape = global_->escape()};
  return Expander(style, variables_, global_->budget());
}

Parsed<> StageScope::Set(const Token& name, std::string_view value) {
  return variables_.Set(name.text, value) ? Parsed<>() : TooManyVariables(name.place);
}

Parsed<> StageScope::Declare(Arg::Argument& argument) {
  const std::string& name = argument.name.text;
  auto given = global_->settings().arguments.find(name);
  if (given != global_->settings().arguments.end()) {
    argument.value = Token{given->second, argument.name.place};
  } else if (argument.value) {
    Expander expander = MakeExpander(/*contents=*/false);
    argument.value->text = TRY(expander.Word(*argument.value));
    unset_.insert(expander.unset().begin(), expander.unset().end());
  } else if (const std::string* global = global_->variables().Find(name)) {
    argument.value = Token{*global, argument.name.place};
  }
  if (!argument.value) return {};
  if (!arguments_.Set(name, argument.value->text)) return TooManyVariables(argument.name.place);
  return Set(argument.name, argument.value->text);
}

Parsed<Instruction> StageScope::Apply(const Instruction& instruction) {
  Instruction expanded = instruction;
  unset_.clear();
  if (Arg* arg = std::get_if<Arg>(&expanded.meaning)) {
    for (Arg::Argument& argument : arg->arguments) TRY(Declare(argument));
    return expanded;
  }
  Expander words = MakeExpander(/*contents=*/false);
  Expander contents = MakeExpander(/*contents=*/true);
  TRY(ExpandVariables(words, contents, expanded));
  std::ranges::set_union(words.unset(), contents.unset(), std::inserter(unset_, unset_.end()));
  if (const Env* env = std::get_if<Env>(&expanded.meaning)) {
    for (const Assignment& variable : env->variables) TRY(Set(variable.name, variable.value.text));
  }
  return expanded;
}

Parsed<std::vector<Mount>> StageScope::Mounts(const Run& run) {
  Expander expander = MakeExpander(/*contents=*/false);
  Parsed<std::vector<Mount>> mounts = ExpandedMounts(expander, run);
  unset_ = expander.unset();
  return mounts;
}

}  // namespace davit::cli::dockerfile
