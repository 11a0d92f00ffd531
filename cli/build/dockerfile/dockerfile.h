// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A whole Dockerfile by its meaning.
#pragma once

#include <string_view>
#include <vector>

#include "cli/build/dockerfile/directives.h"
#include "cli/build/dockerfile/instruction.h"
#include "cli/build/dockerfile/tree.h"

namespace davit::cli::dockerfile {

struct Stage {
  Instruction start = {};                      // a FROM
  std::vector<Instruction> instructions = {};  // up to the next one

  const From& from() const { return std::get<From>(start.meaning); }
  // "build", or "stage-2" for the third stage if it has no name.
  std::string Title(size_t number) const;
  // What ONBUILD leaves to stages and images that are built FROM this one, in order.
  std::vector<const Instruction*> Triggers() const;
};

struct Dockerfile {
  Directives directives = {};
  std::vector<Instruction> global_arguments = {};  // each an ARG
  std::vector<Stage> stages = {};
  std::vector<Place> empty_continuations = {};
};

// Adds to `problems` what is wrong, in order of the lines; the instructions in question are not in the
// result. Without problems, the result has at least one stage.
Dockerfile ParseTree(const Tree& tree, std::vector<Problem>& problems);

}  // namespace davit::cli::dockerfile
