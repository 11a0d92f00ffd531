// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The reaper's program, carried in the shim.
#pragma once

#include <string_view>

namespace davit {

// An ELF file: shim/reaper/.
std::string_view ReaperProgram();

}  // namespace davit
