// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/pid_namespace.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace davit {
namespace {

// Descriptors first: the daemon sees the end of the report only when nobody has its pipe open.
[[noreturn]] void EndAs(pid_t child) {
  close_range(0, ~0U, 0);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) raise(WTERMSIG(status));
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

}  // namespace

// If this process is killed before the child has asked for its own death, the child ends because its input
// does.
Result<> EnterPidNamespace() {
  if (unshare(CLONE_NEWPID) < 0) return SystemError("unshare", "PID namespace");
  pid_t child = fork();
  if (child < 0) return SystemError("fork", "unpacker");
  if (child > 0) EndAs(child);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return SystemError("prctl", "parent death signal");
  return {};
}

}  // namespace davit
