// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A running davit-unpack, seen from the daemon.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/spawn.h"
#include "base/unique_fd.h"
#include "images/interrupt.h"
#include "images/unpack_report.h"

namespace davit {

// Dropping one kills and reaps the process. Not thread-safe.
class UnpackProcess {
 public:
  // `layer_fd` is the directory to fill; it stays the caller's. `interrupt` outlives the object.
  static Result<UnpackProcess> Start(const std::string& program, int layer_fd, const Interrupt& interrupt);

  UnpackProcess(UnpackProcess&&) = default;
  UnpackProcess& operator=(UnpackProcess&&) = delete;
  ~UnpackProcess();

  // Hands over a piece of the compressed layer, waiting while the process is busy with what it has.
  // kUnavailable with os_errno EPIPE when it takes no more: Finish then tells why.
  Result<> Write(std::string_view piece);

  pid_t pid() const { return child_.pid; }

  // Ends the input, waits for the process, and returns its report. A report that says why the unpacking
  // failed, and a process that died without one, are errors.
  Result<UnpackReport> Finish();

 private:
  UnpackProcess(ChildProcess child, UniqueFd input, UniqueFd report, const Interrupt& interrupt)
      : child_(std::move(child)),
        input_(std::move(input)),
        report_(std::move(report)),
        interrupt_(interrupt) {}

  Result<> WaitFor(int fd, short events) const;
  Result<std::string> ReadReport();

  ChildProcess child_;  // its pidfd is invalid once it is reaped
  UniqueFd input_;      // write end of its descriptor 0, non-blocking
  UniqueFd report_;     // read end of its descriptor 4
  const Interrupt& interrupt_;
};

}  // namespace davit
