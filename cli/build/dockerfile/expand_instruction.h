// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Expands the variables of an instruction.
#pragma once

#include "cli/build/dockerfile/expander.h"
#include "cli/build/dockerfile/instruction.h"
#include "cli/build/dockerfile/mount.h"

namespace davit::cli::dockerfile {

// Replaces the words of COPY, ADD, ENV, LABEL, EXPOSE, VOLUME, USER, WORKDIR and STOPSIGNAL that can have
// variables by their values. `words` reads these, `contents` the content of heredocs of COPY and ADD. RUN,
// CMD, ENTRYPOINT, HEALTHCHECK and SHELL have none: the shell expands its own, and mounts come later
// (ExpandedMounts). Those of FROM and ARG depend on more (scope.h).
Parsed<> ExpandVariables(Expander& words, Expander& contents, Instruction& instruction);

// The mounts of a RUN.
Parsed<std::vector<Mount>> ExpandedMounts(Expander& words, const Run& run);

}  // namespace davit::cli::dockerfile
