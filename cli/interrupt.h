// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ctrl-C, SIGTERM and SIGHUP as a descriptor to wait for.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cli {

class Interrupt {
 public:
  // Blocks SIGINT, SIGTERM and, unless the process ignores it, SIGHUP in the calling thread and in those that
  // it starts later: call it on the first thread before it starts others.
  static Result<Interrupt> OfSignals();

  // `fd` is readable while an interrupt is pending: a signalfd(2), or a non-blocking semaphore eventfd(2) in
  // a test.
  explicit Interrupt(UniqueFd fd) : fd_(std::move(fd)) {}

  // Readable while there is an interrupt that was not taken.
  int fd() const { return fd_.get(); }
  bool Pending() const;

  // Takes one interrupt; false if there is none.
  bool Take() { return TakeSignal() != 0; }
  // The same; returns the number of the signal, 0 if there is none.
  int TakeSignal();

 private:
  UniqueFd fd_;
};

}  // namespace davit::cli
