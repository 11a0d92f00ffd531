// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace davit::cli {

Result<Interrupt> Interrupt::OfSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction hang_up{};
  bool ignored = sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler == SIG_IGN;  // nohup(1)
  if (!ignored) sigaddset(&signals, SIGHUP);
  if (int err = pthread_sigmask(SIG_BLOCK, &signals, nullptr); err != 0)
    return SystemError("pthread_sigmask", "", err);
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return SystemError("signalfd", "");
  return Interrupt(std::move(fd));
}

bool Interrupt::Pending() const {
  pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return poll(&wait, 1, /*timeout=*/0) == 1;
}

int Interrupt::TakeSignal() {
  signalfd_siginfo taken;
  ssize_t n = read(fd_.get(), &taken, sizeof taken);
  if (n <= 0) return 0;
  return n == sizeof taken ? static_cast<int>(taken.ssi_signo) : SIGINT;  // an eventfd does not say
}

}  // namespace davit::cli
