// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs a short external program and waits until it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/spawn.h"

namespace davit {

// What becomes of a program that writes more than it may.
enum class LongOutput : uint8_t {
  kEndsProgram,  // it is killed
  kIsCut,        // it runs on, and the rest is dropped
};

struct ProgramRun {
  std::string program;            // absolute path
  std::vector<std::string> args;  // without argv[0], which is the program
  std::vector<std::string> env;   // the whole environment
  std::string input;              // the content of its stdin
  int64_t timeout_ms = 60'000;
  int interrupt_fd = -1;  // owned by the caller; the program is killed if it becomes readable
  // Asked every kAskEveryMs; the program is killed once it returns true. Empty: never.
  std::function<bool()> cancelled = nullptr;
  size_t output_limit = 1 << 20;  // bytes of stdout, and of stderr
  LongOutput long_output = LongOutput::kEndsProgram;

  static constexpr int kAskEveryMs = 100;
};

struct ProgramOutcome {
  ExitStatus status;
  std::string output;       // stdout
  std::string diagnostics;  // stderr
};

// A failure status of the program is an outcome. Errors: it cannot be started; it ran longer than
// `timeout_ms` (kDeadlineExceeded), was interrupted (kCancelled) or wrote more than `output_limit`
// (kResourceExhausted), and its process group was killed. What its children write after its end may be lost.
// `what` names the program in errors.
Result<ProgramOutcome> RunProgram(const std::string& what, ProgramRun run);

}  // namespace davit
