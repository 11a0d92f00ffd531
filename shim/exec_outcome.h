// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What became of a child that has announced its execve.
//
// Under a seccomp filter the child makes two system calls at most, execve and, when that fails, exit_group
// with the errno: a profile may forbid everything else. So the end of its socket alone proves nothing: the
// kernel's own flag of the process does.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/spawn.h"
#include "shim/sync.h"

namespace davit {

// Whether the child, which may be a zombie, has executed its program, by PF_FORKNOEXEC in /proc/PID/stat
// (proc(5)). `proc_fd` is a procfs that shows the child.
Result<bool> HasExecuted(int proc_fd, pid_t pid);

// The same from the file's text. A text without the field is an error.
Result<bool> ParseHasExecuted(std::string_view stat);

// An execve that failed with `os_errno`.
Error ExecFailed(const Announcement& announcement, int os_errno);

// A filtered child that ended so without having executed its program. `subject` is for the ends that say
// nothing about it.
Error EndedBeforeExec(const Announcement& announcement, const std::string& subject, ExitStatus status);

// "ended by signal 9" or "exited with code 1", and that it was too early.
Error EndedTooEarly(const std::string& subject, ExitStatus status);

}  // namespace davit
