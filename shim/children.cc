// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/children.h"

#include <sys/signalfd.h>
#include <sys/wait.h>

namespace davit::shim {

Result<> Children::Listen(EventLoop& loop) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  signals_.Reset(signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return SystemError("signalfd", "SIGCHLD");
  return loop.Add(signals_.get(), EPOLLIN, [this](uint32_t) { ReapAll(); });
}

void Children::ReapAll() {
  signalfd_siginfo ignored;
  while (read(signals_.get(), &ignored, sizeof ignored) > 0) {
  }
  // One SIGCHLD may stand for many ends (signal(7)), so the signal says nothing but "look".
  while (true) {
    siginfo_t info{};
    if (TEMP_FAILURE_RETRY(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT)) < 0 || info.si_pid == 0)
      return;
    if (auto node = watched_.extract(info.si_pid)) {
      bool exited = info.si_code == CLD_EXITED;
      node.mapped()(exited ? ExitStatus{info.si_status, 0}
                           : ExitStatus{128 + info.si_status, info.si_status});
    }
    TEMP_FAILURE_RETRY(waitid(P_PID, static_cast<id_t>(info.si_pid), nullptr, WEXITED | WNOHANG));
  }
}

}  // namespace davit::shim
