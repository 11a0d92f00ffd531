// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's handle of a running davit-unpack process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/spawn.h"
#include "base/unique_fd.h"
#include "images/interrupt.h"
#include "images/unpack_report.h"

namespace davit::images {

// The destructor kills and reaps the process. Not thread-safe.
class UnpackProcess {
 public:
  // How long a process may make no visible progress before it counts as stuck, which is kUnavailable: a disk
  // or a decoder that hangs must not block a pull for ever.
  struct Patience {
    int64_t progress_ms = 10 * 60 * 1000;  // to take input, and to report after its end
    int64_t exit_ms = 60 * 1000;           // to end after the end of its report
  };

  // `layer_fd` is the directory to fill; the caller keeps its ownership. `interrupt` must outlive the object.
  static Result<UnpackProcess> Start(const std::string& program, int layer_fd, const Interrupt& interrupt,
                                     Patience patience);
  static Result<UnpackProcess> Start(const std::string& program, int layer_fd, const Interrupt& interrupt) {
    return Start(program, layer_fd, interrupt, Patience());
  }

  UnpackProcess(UnpackProcess&&) = default;
  UnpackProcess& operator=(UnpackProcess&&) = delete;
  ~UnpackProcess();

  // Writes a piece of the compressed layer to the process; blocks while the pipe is full. kUnavailable with
  // os_errno EPIPE if the process has stopped reading: Finish then returns the reason.
  Result<> Write(std::string_view piece);

  pid_t pid() const { return child_.pid; }

  // Closes the input, waits for the process and returns its report. Returns an error if the report contains a
  // failure, or if the process died without a report or does not end after it.
  Result<UnpackReport> Finish();
  // The file for ReadNotes, after Finish. It has no name and is on the layer's filesystem.
  UniqueFd TakeNotes() { return std::move(notes_); }

 private:
  UnpackProcess(ChildProcess child, UniqueFd input, UniqueFd report, UniqueFd notes,
                const Interrupt& interrupt, Patience patience)
      : child_(std::move(child)),
        input_(std::move(input)),
        report_(std::move(report)),
        notes_(std::move(notes)),
        interrupt_(interrupt),
        patience_(patience) {}

  // kUnavailable if there is none of the events within `patience_ms`; `what` completes "davit-unpack ...".
  Result<> WaitFor(int fd, short events, int64_t patience_ms, std::string_view what) const;
  Result<std::string> ReadReport();

  ChildProcess child_;  // its pidfd is invalid once it is reaped
  UniqueFd input_;      // write end of its descriptor 0, non-blocking
  UniqueFd report_;     // read end of its descriptor 4
  UniqueFd notes_;      // its descriptor 5
  const Interrupt& interrupt_;
  const Patience patience_;
};

}  // namespace davit::images
