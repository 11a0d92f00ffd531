// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether a child that has announced its execve has executed its program, and why not.
//
// Under a seccomp filter the child makes at most two system calls: execve and, if that fails, exit_group with
// the errno, because a profile may forbid everything else. So the end of its socket alone proves nothing; a
// flag that the kernel keeps for the process does.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/spawn.h"
#include "shim/sync.h"

namespace davit::shim {

// Whether the child, which may be a zombie, has executed its program, by PF_FORKNOEXEC in /proc/PID/stat
// (proc(5)). `proc_fd` is a procfs that shows the child.
Result<bool> HasExecuted(int proc_fd, pid_t pid);

// The same from the content of the file. Fails if the field is missing.
Result<bool> ParseHasExecuted(std::string_view stat);

// The error of an execve that failed with `os_errno`.
Error ExecFailed(const Announcement& announcement, int os_errno);

// The error of a child that ended with `status` after its announcement, without having executed its program.
// `subject` names the child if it was killed by a signal other than SIGSYS.
Error EndedBeforeExec(const Announcement& announcement, const std::string& subject, ExitStatus status);

// The error "ended by signal 9" or "exited with code 1" before it could run its program.
Error EndedTooEarly(const std::string& subject, ExitStatus status);

}  // namespace davit::shim
