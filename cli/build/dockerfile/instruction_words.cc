// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/instruction_words.h"

#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/json_array.h"
#include "cli/build/dockerfile/limits.h"
#include "cli/build/dockerfile/words.h"

namespace davit::cli::dockerfile {
namespace {

Parsed<Node> Split(Span line, char escape, size_t depth);

// One text.
Parsed<> ReadText(Span rest, Node& node) {
  if (!rest.empty()) node.arguments.push_back({std::string(rest.text()), rest.place()});
  return {};
}

Parsed<> ReadBlankSeparated(Span rest, Node& node) {
  if (!rest.empty()) node.arguments = SplitAtBlanks(rest);
  return {};
}

// A JSON array of texts, or else what `otherwise` reads.
Parsed<> ReadArrayOr(Parsed<> (*otherwise)(Span, Node&), Span rest, Node& node) {
  auto array = TRY(ReadJsonArray(rest));
  if (!array) return otherwise(rest, node);
  node.arguments.insert(node.arguments.end(), array->begin(), array->end());
  node.exec_form = true;
  return {};
}

// "name=value ...", or in the old way "name value".
Parsed<> ReadAssignments(Span rest, char escape, Node& node) {
  const std::vector<Token> words = SplitWords(rest, escape);
  if (words.empty()) return {};
  if (!words[0].text.contains('=')) {
    auto [name, value] = SplitAtFirstBlanks(rest);
    if (!value) return Refuse(rest.place(), UpperCase(node.name.text) + " must have two arguments");
    node.arguments = {
        {std::string(name.text()), name.place()}, {std::string(value->text()), value->place()}, {}};
    return {};
  }
  for (const Token& word : words) {
    const size_t sign = word.text.find('=');
    if (sign == std::string::npos)
      return Refuse(word.place, "cannot find = in \"" + word.text + "\": expected name=value");
    node.arguments.push_back({word.text.substr(0, sign), word.place});
    node.arguments.push_back({word.text.substr(sign + 1), word.place});
    node.arguments.push_back({"=", word.place});
  }
  return {};
}

// "NONE", or "CMD" and a command.
Parsed<> ReadHealthcheck(Span rest, Node& node) {
  if (rest.empty()) return {};
  auto [kind, command] = SplitAtFirstBlanks(rest);
  node.arguments.push_back({std::string(kind.text()), kind.place()});
  return command && !command->empty() ? ReadArrayOr(ReadText, *command, node) : Parsed<>();
}

Parsed<> ReadTrigger(Span rest, char escape, size_t depth, Node& node) {
  if (rest.empty()) return {};
  if (depth == kMaxTriggerDepth)
    return Refuse(rest.place(), "chaining ONBUILD via ONBUILD ONBUILD isn't allowed");
  node.trigger.push_back(TRY(Split(rest, escape, depth + 1)));
  return {};
}

Parsed<> ReadArguments(const std::string& name, Span rest, char escape, size_t depth, Node& node) {
  if (name == "add" || name == "copy" || name == "volume") return ReadArrayOr(ReadBlankSeparated, rest, node);
  if (name == "run" || name == "cmd" || name == "entrypoint" || name == "shell")
    return ReadArrayOr(ReadText, rest, node);
  if (name == "from" || name == "expose") return ReadBlankSeparated(rest, node);
  if (name == "env" || name == "label") return ReadAssignments(rest, escape, node);
  if (name == "arg") return node.arguments = SplitWords(rest, escape), Parsed<>();
  if (name == "healthcheck") return ReadHealthcheck(rest, node);
  if (name == "onbuild") return ReadTrigger(rest, escape, depth, node);
  if (name == "maintainer" || name == "stopsignal" || name == "user" || name == "workdir")
    return ReadText(rest, node);
  return {};
}

Parsed<Node> Split(Span line, char escape, size_t depth) {
  Node node;
  node.original = line.text();
  auto [name, rest] = SplitAtFirstBlanks(line.Trimmed());
  node.name = {std::string(name.text()), name.place()};
  Span arguments = rest ? TakeFlags(*rest, escape, node.flags).Trimmed() : line.From(line.text().size());
  TRY(ReadArguments(LowerCase(node.name.text), arguments, escape, depth, node));
  return node;
}

}  // namespace

Parsed<Node> SplitInstruction(Span line, char escape) {
  return Split(line, escape, 1);
}

}  // namespace davit::cli::dockerfile
