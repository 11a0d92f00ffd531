// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Short ways for tests to read Dockerfiles.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/dockerfile.h"
#include "cli/build/dockerfile/testing/tree_dump.h"

namespace davit::cli::dockerfile {

// The tree as text, or the problem: "f:1:7: error: ...".
inline std::string DumpOf(std::string_view text) {
  Parsed<Tree> tree = ReadTree(text);
  return tree ? Dump(*tree) : Located("f", "error", tree.error());
}

// Of a file that must be right.
inline Dockerfile FileOf(std::string_view text) {
  Parsed<Tree> tree = ReadTree(text);
  EXPECT_TRUE(tree) << tree.error().ToString();
  if (!tree) return {};
  std::vector<Problem> problems;
  Dockerfile file = ParseTree(*tree, problems);
  for (const Problem& problem : problems) ADD_FAILURE() << Located("f", "error", problem);
  return file;
}

// The problems of a file, one per line.
inline std::string ProblemsOf(std::string_view text) {
  Parsed<Tree> tree = ReadTree(text);
  if (!tree) return Located("f", "error", tree.error());
  std::vector<Problem> problems;
  (void)ParseTree(*tree, problems);
  std::string lines;
  for (const Problem& problem : problems)
    lines += (lines.empty() ? "" : "\n") + Located("f", "error", problem);
  return lines;
}

// The only instruction of a stage: "RUN true".
template <typename Kind>
Kind MeaningOf(std::string_view instruction) {
  Dockerfile file = FileOf("FROM scratch\n" + std::string(instruction));
  if (file.stages.empty() || file.stages[0].instructions.size() != 1) return {};
  const Kind* meaning = std::get_if<Kind>(&file.stages[0].instructions[0].meaning);
  EXPECT_NE(meaning, nullptr);
  return meaning == nullptr ? Kind() : *meaning;
}

inline std::vector<std::string> TextsOf(const std::vector<Token>& tokens) {
  std::vector<std::string> texts;
  for (const Token& token : tokens) texts.push_back(token.text);
  return texts;
}

}  // namespace davit::cli::dockerfile
