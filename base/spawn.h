// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Starting other programs (posix_spawn(3)): no code of ours runs between fork and exec, so a threaded process
// may.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/unique_fd.h"

namespace davit {

struct SpawnRequest {
  std::string program;            // absolute path, also /proc/self/fd/N of a memfd of the caller's
  std::vector<std::string> args;  // argv, argv[0] included
  std::vector<std::string> env;   // the whole environment; nothing is inherited
  std::string cwd = "/";
  std::vector<std::pair<int, int>> fds;  // {ours, number in the child}; 0, 1, 2 are /dev/null when not named
};

struct ChildProcess {
  pid_t pid = 0;
  PidFd pidfd;
};

// Starts the program in a session of its own with default signal handling and nothing blocked. The caller
// reaps it.
Result<ChildProcess> Spawn(const SpawnRequest& request);

// How a child ended.
struct ExitStatus {
  int code = 0;    // exit(3) code, or 128 + signal
  int signal = 0;  // 0 unless a signal ended it
};

// Reaps the child, waiting for its end.
Result<ExitStatus> Reap(const ChildProcess& child);

}  // namespace davit
