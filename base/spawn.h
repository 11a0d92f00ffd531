// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Starts other programs with posix_spawn(3): no code of ours runs between fork and exec, so a multi-threaded
// process may use it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/unique_fd.h"

namespace davit {

struct SpawnRequest {
  std::string program;            // absolute path, or /proc/self/fd/N of a memfd that the caller owns
  std::vector<std::string> args;  // argv, argv[0] included
  std::vector<std::string> env;   // the whole environment; nothing is inherited
  std::string cwd = "/";
  std::vector<std::pair<int, int>> fds;  // {our number, child's number}; 0, 1 and 2 default to /dev/null
};

struct ChildProcess {
  pid_t pid = 0;
  PidFd pidfd;
};

// Starts the program in a new session, with default signal handling and no blocked signals. The caller must
// reap it.
Result<ChildProcess> Spawn(const SpawnRequest& request);

// How a child ended.
struct ExitStatus {
  int code = 0;    // exit(3) code, or 128 + signal
  int signal = 0;  // 0 unless a signal ended it
};

// Waits for the end of the child and reaps it.
Result<ExitStatus> Reap(const ChildProcess& child);

}  // namespace davit
