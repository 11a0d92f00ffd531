// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Prints a tree as BuildKit's parser does, so that the two can be compared.
#pragma once

#include <string>

#include "cli/build/dockerfile/tree.h"

namespace davit::cli::dockerfile {

// One instruction per line: `(copy ["--from=build"] "a" "b")`.
std::string Dump(const Tree& tree);

}  // namespace davit::cli::dockerfile
