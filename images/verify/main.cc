// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-verify PROGRAM ARGUMENT...: runs an image verifier so that all processes that it starts end with it,
// also those that leave its process group. Started by the daemon only (images/verify/image_verifier.h). Ends
// with the verifier's exit code, or 128 + the number of the signal that killed it.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/pid_namespace.h"

namespace davit::images {
namespace {

constexpr int kCannotRun = 126;  // as in a shell

// On stdout, where verifiers give their reasons.
[[noreturn]] void GiveUp(const Error& error) {
  printf("%s\n", error.ToString().c_str());
  fflush(stdout);
  _exit(kCannotRun);
}

// Reaps the verifier's orphans, too.
int CodeOf(pid_t verifier) {
  while (true) {
    int status = 0;
    pid_t ended = waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) return kCannotRun;
    if (ended == verifier) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

// The first process of the PID namespace is this one, not the verifier: signals that the verifier sends to
// itself, as abort(3) does, would have no effect on the first process (pid_namespaces(7)). When the first
// process ends, the kernel kills all others.
int Main(char** verifier) {
  // The daemon may die. Children have to ask for this themselves, which EnterPidNamespace does.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) GiveUp(SystemError("prctl", "davit-verify").error());
  if (auto entered = EnterPidNamespace(); !entered) GiveUp(entered.error());
  pid_t pid = fork();
  if (pid < 0) GiveUp(SystemError("fork", verifier[0]).error());
  if (pid > 0) return CodeOf(pid);
  execv(verifier[0], verifier);
  GiveUp(SystemError("execve", verifier[0]).error());
}

}  // namespace
}  // namespace davit::images

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "davit-verify is started by davitd: davit-verify PROGRAM ARGUMENT...\n");
    return 2;
  }
  return davit::images::Main(argv + 1);
}
