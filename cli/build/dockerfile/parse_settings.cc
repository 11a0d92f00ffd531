// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Instructions that set something in the image's configuration, and ARG.
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/flags.h"
#include "cli/build/dockerfile/instruction_parsers.h"

namespace davit::cli::dockerfile {
namespace {

Parsed<std::vector<Assignment>> ParseAssignments(const Node& node) {
  TRY(NeedArguments(node));
  std::vector<Assignment> assignments;
  for (size_t i = 0; i + 2 < node.arguments.size(); i += 3) {
    const Token& name = node.arguments[i];
    if (name.text.empty()) return Refuse(name.place, UpperCase(node.name.text) + " names can not be blank");
    assignments.push_back({name, node.arguments[i + 1], node.arguments[i + 2].text.empty()});
  }
  return assignments;
}

}  // namespace

Parsed<> HaveNoFlags(const Node& node) {
  TRY(Flags::Parse(node.flags, {}));
  return {};
}

Parsed<> NeedArguments(const Node& node) {
  TRY(HaveNoFlags(node));
  if (!node.arguments.empty()) return {};
  return Refuse(node.name.place, UpperCase(node.name.text) + " requires at least one argument");
}

Parsed<Token> OnlyArgument(const Node& node) {
  TRY(HaveNoFlags(node));
  if (node.arguments.size() == 1) return node.arguments[0];
  return Refuse(node.name.place, UpperCase(node.name.text) + " requires exactly one argument");
}

Parsed<Env> ParseEnv(const Node& node) {
  return Env{TRY(ParseAssignments(node))};
}
Parsed<Label> ParseLabel(const Node& node) {
  return Label{TRY(ParseAssignments(node))};
}
Parsed<User> ParseUser(const Node& node) {
  return User{TRY(OnlyArgument(node))};
}
Parsed<Workdir> ParseWorkdir(const Node& node) {
  return Workdir{TRY(OnlyArgument(node))};
}
Parsed<StopSignal> ParseStopSignal(const Node& node) {
  return StopSignal{TRY(OnlyArgument(node))};
}
Parsed<Maintainer> ParseMaintainer(const Node& node) {
  return Maintainer{TRY(OnlyArgument(node))};
}

Parsed<Arg> ParseArg(const Node& node) {
  TRY(NeedArguments(node));
  Arg arg;
  for (const Token& word : node.arguments) {
    const size_t sign = word.text.find('=');
    if (sign == 0) return Refuse(word.place, "ARG names can not be blank");
    Arg::Argument argument{.name = {word.text.substr(0, sign), word.place}};
    if (sign != std::string::npos) argument.value = Token{word.text.substr(sign + 1), word.place};
    arg.arguments.push_back(std::move(argument));
  }
  return arg;
}

Parsed<Expose> ParseExpose(const Node& node) {
  TRY(NeedArguments(node));
  return Expose{node.arguments};
}

Parsed<Volume> ParseVolume(const Node& node) {
  TRY(NeedArguments(node));
  Volume volume;
  for (const Token& path : node.arguments) {
    const std::string trimmed(Trimmed(path.text));
    if (trimmed.empty()) return Refuse(path.place, "VOLUME specified can not be an empty string");
    volume.paths.push_back({trimmed, path.place});
  }
  return volume;
}

}  // namespace davit::cli::dockerfile
