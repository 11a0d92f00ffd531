// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Short programs of other people's, run to their end.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/spawn.h"

namespace davit {

struct ProgramRun {
  std::string program;            // absolute path
  std::vector<std::string> args;  // without argv[0], which is the program
  std::vector<std::string> env;   // the whole environment
  std::string input;              // what it reads from stdin
  int timeout_ms = 60'000;
  int interrupt_fd = -1;  // the caller's; while it is readable, the program is killed
};

struct ProgramOutcome {
  ExitStatus status;
  std::string output;       // stdout
  std::string diagnostics;  // stderr
};

// A failure of the program is an outcome. Errors are: it cannot be started; it took longer than allowed
// (kDeadlineExceeded; killed with all that it has started); it was interrupted (kCancelled; likewise); it
// wrote more than 1 MiB. `what` names it in them.
Result<ProgramOutcome> RunProgram(const std::string& what, ProgramRun run);

}  // namespace davit
