// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/tree.h"

#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/instruction_words.h"
#include "cli/build/dockerfile/limits.h"
#include "cli/build/dockerfile/line_reader.h"

namespace davit::cli::dockerfile {
namespace {

// RUN, COPY, ADD, also below ONBUILD; not with a JSON array.
bool CanHaveHeredocs(const Node& node) {
  const Node& inner =
      node.trigger.empty() || !EqualIgnoringCase(node.name.text, "onbuild") ? node : node.trigger[0];
  const std::string name = LowerCase(inner.name.text);
  return (name == "run" || name == "copy" || name == "add") && !inner.exec_form;
}

Parsed<> ReadHeredocs(LineReader& reader, Node& node) {
  if (!CanHaveHeredocs(node) || !node.original.contains("<<")) return {};
  auto heredocs = HeredocsOfLine(node.original);
  if (!heredocs) return Refuse(node.name.place, "heredoc: " + heredocs.error());
  node.heredocs = *std::move(heredocs);
  for (Heredoc& heredoc : node.heredocs) TRY(reader.ReadHeredoc(node.name.place, heredoc));
  return {};
}

Parsed<Node> ReadInstruction(LineReader& reader, const PlacedText& line) {
  Node node = TRY(SplitInstruction(Span(line), reader.directives().escape()));
  TRY(ReadHeredocs(reader, node));
  node.first_line = line.first_line();
  node.last_line = reader.line();
  return node;
}

}  // namespace

Parsed<Tree> ReadTree(std::string_view text) {
  if (text.size() > kMaxFileBytes)
    return Refuse({}, "the file is larger than " + std::to_string(kMaxFileBytes) + " bytes");
  LineReader reader(text);
  Tree tree;
  while (auto line = TRY(reader.Next())) {
    if (tree.instructions.size() == kMaxInstructions)
      return Refuse(line->PlaceOf(0), "more than " + std::to_string(kMaxInstructions) + " instructions");
    tree.instructions.push_back(TRY(ReadInstruction(reader, *line)));
  }
  if (tree.instructions.empty()) return Refuse({}, "file with no instructions");
  tree.directives = reader.directives();
  tree.empty_continuations = reader.empty_continuations();
  return tree;
}

}  // namespace davit::cli::dockerfile
