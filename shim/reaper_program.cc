// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/reaper_program.h"

// DAVIT_REAPER_PATH is the built program; the build makes this file depend on it.
__asm__(
    ".section .rodata\n"
    "davit_reaper_begin:\n"
    ".incbin \"" DAVIT_REAPER_PATH
    "\"\n"
    "davit_reaper_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" const char davit_reaper_begin[];
extern "C" const char davit_reaper_end[];

namespace davit::shim {

std::string_view ReaperProgram() {
  return {davit_reaper_begin, static_cast<size_t>(davit_reaper_end - davit_reaper_begin)};
}

}  // namespace davit::shim
