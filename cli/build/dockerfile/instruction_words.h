// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Splits an instruction into name, flags and arguments, by the rules of each instruction.
#pragma once

#include "cli/build/dockerfile/tree.h"

namespace davit::cli::dockerfile {

// `line` is the joined instruction. The node has no heredocs and no line numbers yet.
Parsed<Node> SplitInstruction(Span line, char escape);

}  // namespace davit::cli::dockerfile
