// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The exec form of instructions: ["program", "argument"].
#pragma once

#include <optional>
#include <vector>

#include "cli/build/dockerfile/placed_text.h"

namespace davit::cli::dockerfile {

// The texts of a JSON array; none if `text` is no JSON array, and is thus meant for a shell. An array that
// has something else than texts is a problem.
Parsed<std::optional<std::vector<Token>>> ReadJsonArray(Span text);

}  // namespace davit::cli::dockerfile
