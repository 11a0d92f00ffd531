// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From words to meaning.
#pragma once

#include "cli/build/dockerfile/instruction.h"
#include "cli/build/dockerfile/tree.h"

namespace davit::cli::dockerfile {

// Problems: an unknown instruction or flag, a wrong number of arguments, a value of a wrong form, and what
// Davit does not support, by its name.
Parsed<Instruction> ParseInstruction(const Node& node);

}  // namespace davit::cli::dockerfile
