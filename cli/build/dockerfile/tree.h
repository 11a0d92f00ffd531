// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A Dockerfile as a tree of words: the instructions with their flags and arguments, whose meaning is not
// checked yet. It has the content of the tree that BuildKit's parser makes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/directives.h"
#include "cli/build/dockerfile/heredoc.h"
#include "cli/build/dockerfile/placed_text.h"

namespace davit::cli::dockerfile {

struct Node {
  Token name = {};                // as written: "RUN", "run"
  std::vector<Token> flags = {};  // "--from=build", without quotes and escape characters
  std::vector<Token> arguments =
      {};                          // ENV and LABEL: name, value, "=" in turn; "" instead of "=" in "ENV a b"
  bool exec_form = false;          // the arguments are a JSON array
  std::vector<Node> trigger = {};  // of ONBUILD: one instruction, or none
  std::vector<Heredoc> heredocs = {};
  std::string original = {};  // the whole instruction as one line, without heredocs
  int first_line = 0;
  int last_line = 0;  // with heredocs
};

struct Tree {
  std::vector<Node> instructions;
  Directives directives;
  std::vector<Place> empty_continuations;  // empty lines in instructions
};

// Reads the whole file. What has no place in any Dockerfile is a problem: quotes or assignments that are
// none, a heredoc without an end, a file without instructions, or one beyond the limits (limits.h). Unknown
// instructions are in the tree, without arguments.
Parsed<Tree> ReadTree(std::string_view text);

}  // namespace davit::cli::dockerfile
