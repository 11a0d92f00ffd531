// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The signals that a session handles beside interrupts (cli/interrupt.h).
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cli {

class SessionSignals {
 public:
  // Blocks SIGWINCH, SIGTSTP, SIGCONT, SIGQUIT, SIGUSR1 and SIGUSR2 in the calling thread and in those that
  // it starts later. Call it on the first thread before it starts others; what the process ignores stays
  // ignored.
  static Result<> Block();

  // A signalfd(2) of them.
  static Result<SessionSignals> Open();

  int fd() const { return fd_.get(); }
  // The next one that is pending; 0 if there is none.
  int Take();

 private:
  explicit SessionSignals(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace davit::cli
