// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs a short external program and waits until it ends.
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
  std::string input;              // the content of its stdin
  int timeout_ms = 60'000;
  int interrupt_fd = -1;  // owned by the caller; the program is killed if it becomes readable
};

struct ProgramOutcome {
  ExitStatus status;
  std::string output;       // stdout
  std::string diagnostics;  // stderr
};

// A failure status of the program is an outcome. Errors: it cannot be started; it ran longer than
// `timeout_ms` (kDeadlineExceeded) or was interrupted (kCancelled), and its process group was killed; it
// wrote more than 1 MiB to stdout or stderr (kResourceExhausted). `what` names the program in errors.
Result<ProgramOutcome> RunProgram(const std::string& what, ProgramRun run);

}  // namespace davit
