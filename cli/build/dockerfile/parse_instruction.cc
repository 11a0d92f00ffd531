// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/parse_instruction.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/instruction_parsers.h"
#include "cli/build/dockerfile/nearest_word.h"

namespace davit::cli::dockerfile {
namespace {

using Meaning = decltype(Instruction::meaning);

template <auto kParse>
Parsed<Meaning> Parse(const Node& node) {
  return TRY(kParse(node));
}

struct Keyword {
  std::string_view name;
  Parsed<Meaning> (*parse)(const Node&);
};

constexpr Keyword kKeywords[] = {{"ADD", Parse<ParseAdd>},
                                 {"ARG", Parse<ParseArg>},
                                 {"CMD", Parse<ParseCmd>},
                                 {"COPY", Parse<ParseCopy>},
                                 {"ENTRYPOINT", Parse<ParseEntrypoint>},
                                 {"ENV", Parse<ParseEnv>},
                                 {"EXPOSE", Parse<ParseExpose>},
                                 {"FROM", Parse<ParseFrom>},
                                 {"HEALTHCHECK", Parse<ParseHealthcheck>},
                                 {"LABEL", Parse<ParseLabel>},
                                 {"MAINTAINER", Parse<ParseMaintainer>},
                                 {"ONBUILD", Parse<ParseOnBuild>},
                                 {"RUN", Parse<ParseRun>},
                                 {"SHELL", Parse<ParseShell>},
                                 {"STOPSIGNAL", Parse<ParseStopSignal>},
                                 {"USER", Parse<ParseUser>},
                                 {"VOLUME", Parse<ParseVolume>},
                                 {"WORKDIR", Parse<ParseWorkdir>}};

std::unexpected<Problem> Unknown(const Token& name) {
  std::vector<std::string_view> names;
  std::ranges::transform(kKeywords, std::back_inserter(names), &Keyword::name);
  return Refuse(name.place, "unknown instruction: " + name.text,
                NearestWord(name.text, std::span<const std::string_view>(names)));
}

}  // namespace

Parsed<Instruction> ParseInstruction(const Node& node) {
  auto keyword = std::ranges::find(kKeywords, UpperCase(node.name.text), &Keyword::name);
  if (keyword == std::end(kKeywords)) return Unknown(node.name);
  Instruction instruction;
  instruction.meaning = TRY(keyword->parse(node));
  instruction.keyword = node.name;
  instruction.text = Trimmed(node.original);
  instruction.first_line = node.first_line;
  instruction.last_line = node.last_line;
  instruction.bytes = node.original.size();
  for (const Heredoc& heredoc : node.heredocs) instruction.bytes += heredoc.content.size();
  return instruction;
}

}  // namespace davit::cli::dockerfile
