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

bool Interrupt::Take() {
  signalfd_siginfo taken;
  return read(fd_.get(), &taken, sizeof taken) > 0;
}

}  // namespace davit::cli
