// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// FROM and ONBUILD.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/flags.h"
#include "cli/build/dockerfile/instruction_parsers.h"
#include "cli/build/dockerfile/parse_instruction.h"

namespace davit::cli::dockerfile {
namespace {

bool IsStageName(std::string_view name) {
  auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name[0]) && std::ranges::all_of(name, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// As an image keeps it: one instruction, with the heredocs that follow.
std::string TriggerText(const Node& node) {
  std::string text = node.trigger[0].original;
  for (const Heredoc& heredoc : node.heredocs) text += "\n" + heredoc.content + heredoc.name;
  return text;
}

}  // namespace

Parsed<From> ParseFrom(const Node& node) {
  const std::vector<Token>& words = node.arguments;
  if (words.size() != 1 && (words.size() != 3 || !EqualIgnoringCase(words[1].text, "as")))
    return Refuse(node.name.place,
                  "FROM requires either one or three arguments: expected FROM IMAGE [AS NAME]");
  Flags flags = TRY(Flags::Parse(node.flags, {{"platform", Flags::Kind::kText}}));
  From from{.image = words[0], .platform = flags.Text("platform")};
  if (words.size() == 1) return from;
  from.name = {LowerCase(words[2].text), words[2].place};
  if (!IsStageName(from.name.text))
    return Refuse(words[2].place, "invalid name for build stage: \"" + words[2].text +
                                      "\": expected a letter, and then letters, digits, -, _ or .");
  return from;
}

Parsed<OnBuild> ParseOnBuild(const Node& node) {
  if (node.trigger.empty()) return Refuse(node.name.place, "ONBUILD requires at least one argument");
  TRY(HaveNoFlags(node));
  Node trigger = node.trigger[0];
  const std::string name = UpperCase(trigger.name.text);
  if (name == "ONBUILD")
    return Refuse(trigger.name.place, "chaining ONBUILD via ONBUILD ONBUILD isn't allowed");
  if (name == "FROM" || name == "MAINTAINER")
    return Refuse(trigger.name.place, name + " isn't allowed as an ONBUILD trigger");
  trigger.heredocs = node.heredocs;
  trigger.first_line = node.first_line;
  trigger.last_line = node.last_line;
  OnBuild on_build{.text = TriggerText(node)};
  on_build.trigger = std::make_shared<const Instruction>(TRY(ParseInstruction(trigger)));
  return on_build;
}

}  // namespace davit::cli::dockerfile
