// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The reaper's program, embedded in the shim, and in the daemon as a placeholder
// (cri/host/cgroup/placeholder.h).
#pragma once

#include <string_view>

namespace davit::shim {

// The content of an ELF file, which is built from shim/reaper/.
std::string_view ReaperProgram();

}  // namespace davit::shim
