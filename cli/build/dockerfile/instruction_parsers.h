// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The instructions, each by itself, for ParseInstruction.
#pragma once

#include "cli/build/dockerfile/instruction.h"
#include "cli/build/dockerfile/tree.h"

namespace davit::cli::dockerfile {

// parse_stages.cc
Parsed<From> ParseFrom(const Node& node);
Parsed<OnBuild> ParseOnBuild(const Node& node);

// parse_files.cc
Parsed<Copy> ParseCopy(const Node& node);
Parsed<Add> ParseAdd(const Node& node);

// parse_commands.cc
Parsed<Run> ParseRun(const Node& node);
Parsed<Cmd> ParseCmd(const Node& node);
Parsed<Entrypoint> ParseEntrypoint(const Node& node);
Parsed<Shell> ParseShell(const Node& node);
Parsed<Healthcheck> ParseHealthcheck(const Node& node);

// parse_settings.cc
Parsed<Env> ParseEnv(const Node& node);
Parsed<Label> ParseLabel(const Node& node);
Parsed<Arg> ParseArg(const Node& node);
Parsed<Expose> ParseExpose(const Node& node);
Parsed<Volume> ParseVolume(const Node& node);
Parsed<User> ParseUser(const Node& node);
Parsed<Workdir> ParseWorkdir(const Node& node);
Parsed<StopSignal> ParseStopSignal(const Node& node);
Parsed<Maintainer> ParseMaintainer(const Node& node);

// The only argument of an instruction without flags.
Parsed<Token> OnlyArgument(const Node& node);
// The problem of flags, or of no arguments.
Parsed<> NeedArguments(const Node& node);
Parsed<> HaveNoFlags(const Node& node);

}  // namespace davit::cli::dockerfile
