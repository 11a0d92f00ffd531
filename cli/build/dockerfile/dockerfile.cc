// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/dockerfile.h"

#include <utility>

#include "cli/build/dockerfile/limits.h"
#include "cli/build/dockerfile/parse_instruction.h"

namespace davit::cli::dockerfile {
namespace {

// A problem if no stage has begun and the instruction is not an ARG.
Parsed<> Append(Instruction instruction, Dockerfile& file) {
  if (std::holds_alternative<From>(instruction.meaning)) {
    file.stages.push_back({std::move(instruction), {}});
  } else if (!file.stages.empty()) {
    file.stages.back().instructions.push_back(std::move(instruction));
  } else if (std::holds_alternative<Arg>(instruction.meaning)) {
    file.global_arguments.push_back(std::move(instruction));
  } else {
    return Refuse(instruction.place(), "no build stage in current context: expected FROM or ARG before " +
                                           instruction.keyword.text);
  }
  return {};
}

}  // namespace

std::string Stage::Title(size_t number) const {
  return from().name.text.empty() ? "stage-" + std::to_string(number) : from().name.text;
}

std::vector<const Instruction*> Stage::Triggers() const {
  std::vector<const Instruction*> triggers;
  for (const Instruction& instruction : instructions) {
    if (const OnBuild* on_build = std::get_if<OnBuild>(&instruction.meaning))
      triggers.push_back(on_build->trigger.get());
  }
  return triggers;
}

Dockerfile ParseTree(const Tree& tree, std::vector<Problem>& problems) {
  Dockerfile file{.directives = tree.directives, .empty_continuations = tree.empty_continuations};
  for (const Node& node : tree.instructions) {
    if (problems.size() >= kMaxProblems) break;
    Parsed<Instruction> instruction = ParseInstruction(node);
    Parsed<> added;
    if (instruction) added = Append(*std::move(instruction), file);
    if (!instruction || !added) problems.push_back(!instruction ? instruction.error() : added.error());
  }
  if (file.stages.empty() && problems.empty())
    problems.push_back({.text = "dockerfile contains no stages to build"});
  return file;
}

}  // namespace davit::cli::dockerfile
