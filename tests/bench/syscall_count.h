// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Counts the system calls of processes and of everything that they start, by strace(1).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace davit::bench {

struct SyscallCounts {
  int execs = 0;  // execve and execveat that succeeded
  int syncs = 0;  // fsync, fdatasync, syncfs, sync
};

// Attaches to `pids` with their threads, runs `operation`, detaches. Throws when strace cannot attach.
SyscallCounts CountSyscalls(const std::vector<pid_t>& pids, const std::function<void()>& operation);

}  // namespace davit::bench
