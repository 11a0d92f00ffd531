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

// The exit status for errors of davit itself.
constexpr int kOwnError = 125;
constexpr int kInterrupted = 130;  // 128 + SIGINT

struct PsOptions {
  bool all = false;  // also containers that do not run, and pods without containers
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
  bool force = false;  // also running containers
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

// The context of a verb. The caller owns all parts.
struct Session {
  const Daemon& daemon;
  const Console& console;
  Interrupt& interrupt;
};

// Each function returns the exit status of the command. Verbs with several ids continue after a failure,
// print every error but the last as a remark, and return the last.
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
