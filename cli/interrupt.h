// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ctrl-C and SIGTERM as a descriptor to wait for.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cli {

class Interrupt {
 public:
  // Blocks SIGINT and SIGTERM in the calling thread and in those that it starts later, so the first thread
  // calls it before there are others.
  static Result<Interrupt> OfSignals();

  // Interrupted when `fd` is readable: a signalfd(2), or a non-blocking semaphore eventfd(2) in a test.
  explicit Interrupt(UniqueFd fd) : fd_(std::move(fd)) {}

  // Readable as long as there is an interrupt that nobody took.
  int fd() const { return fd_.get(); }
  bool Pending() const;

  // Takes one interrupt; false when there is none.
  bool Take();

 private:
  UniqueFd fd_;
};

}  // namespace davit::cli
