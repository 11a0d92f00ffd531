// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs of the command line, each in the file named after it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/interrupt.h"
#include "cli/run_config.h"

namespace davit::cli {

// The exit status of the command for errors of its own; every other one is the workload's.
constexpr int kOwnError = 125;
constexpr int kInterrupted = 130;  // 128 + SIGINT

struct PsOptions {
  bool all = false;  // also what does not run
};

struct LogsOptions {
  std::string id;
  bool follow = false;  // until the container ends
};

struct ExecOptions {
  std::string id;
  std::vector<std::string> command;
};

struct StopOptions {
  std::vector<std::string> ids;
  int64_t grace_seconds = 10;  // between the stop signal and SIGKILL
};

struct RmOptions {
  std::vector<std::string> ids;
  bool force = false;  // also what still runs
};

struct PullOptions {
  std::string image;
};

struct ImagesOptions {};

struct RmiOptions {
  std::vector<std::string> images;
};

struct InfoOptions {};

using Verb = std::variant<RunOptions, PsOptions, LogsOptions, ExecOptions, StopOptions, RmOptions,
                          PullOptions, ImagesOptions, RmiOptions, InfoOptions>;

// What a verb works with. The caller owns it all.
struct Session {
  const Daemon& daemon;
  const Console& console;
  Interrupt& interrupt;
};

// Each returns the exit status of the command. Those that take several ids go on after a failure, remark on
// each but the last, and return that one.
Result<int> Perform(const Session& session, const RunOptions& options);
Result<int> Perform(const Session& session, const PsOptions& options);
Result<int> Perform(const Session& session, const LogsOptions& options);
Result<int> Perform(const Session& session, const ExecOptions& options);
Result<int> Perform(const Session& session, const StopOptions& options);
Result<int> Perform(const Session& session, const RmOptions& options);
Result<int> Perform(const Session& session, const PullOptions& options);
Result<int> Perform(const Session& session, const ImagesOptions& options);
Result<int> Perform(const Session& session, const RmiOptions& options);
Result<int> Perform(const Session& session, const InfoOptions& options);

}  // namespace davit::cli
