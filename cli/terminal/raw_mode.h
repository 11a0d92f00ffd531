// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A person's terminal that passes every key on.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include "base/error.h"

namespace davit::cli {

// The terminal has its settings back when the object ends, and also when the process dies of a signal of its
// own (SIGSEGV, SIGABRT and the like). Signals from outside must be handled by the owner; nothing helps
// against SIGKILL. There is one at a time.
class RawMode {
 public:
  // `terminal` must stay open. Stops the process (SIGTTOU) while it is in the background.
  static Result<RawMode> Of(int terminal);
  ~RawMode() { Leave(); }
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;

  // Idempotent. Enter does nothing if the terminal has gone.
  void Leave();
  void Enter();

 private:
  RawMode(int terminal, const termios& before) : terminal_(terminal), before_(before) {}

  int terminal_;
  termios before_;
  bool raw_ = false;
};

}  // namespace davit::cli
