// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/session_signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace davit::cli {
namespace {

sigset_t Handled() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signo : {SIGWINCH, SIGTSTP, SIGCONT, SIGQUIT, SIGUSR1, SIGUSR2}) {
    struct sigaction now{};
    bool ignored = sigaction(signo, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
    if (!ignored) sigaddset(&signals, signo);
  }
  return signals;
}

}  // namespace

Result<> SessionSignals::Block() {
  sigset_t signals = Handled();
  int err = pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return err == 0 ? Result<>() : SystemError("pthread_sigmask", "", err);
}

Result<SessionSignals> SessionSignals::Open() {
  sigset_t signals = Handled();
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return SystemError("signalfd", "");
  return SessionSignals(std::move(fd));
}

int SessionSignals::Take() {
  signalfd_siginfo taken;
  return read(fd_.get(), &taken, sizeof taken) == sizeof taken ? static_cast<int>(taken.ssi_signo) : 0;
}

}  // namespace davit::cli
