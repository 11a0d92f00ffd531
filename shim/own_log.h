// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The shim's own log lines, written to the descriptor that the daemon gave it, usually the daemon's stderr.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/environment.h"
#include "shim/log_writer.h"

namespace davit::shim {

// Never blocks on a reader or a disk: a line is lost if the pipe, the socket (of a stalled journald) or the
// file's buffer is full. A file is written by a separate process (log_task.h).
class OwnLog {
 public:
  // Takes ownership of `fd`. Does not change its status flags, because the daemon and the other shims share
  // them. The environment must outlive the log. If `fd` cannot be examined or reopened, returns an
  // error; lines are then written to `fd` itself, which may block.
  Result<> Open(Environment& env, UniqueFd fd);

  // Lines that are written before Open are lost.
  void Write(std::string_view line);

  // Runs the loop until every line is in its file, for at most one second.
  void Drain();

 private:
  void WriteFile(std::string_view line);

  Environment* env_ = nullptr;
  UniqueFd fd_;
  bool is_socket_ = false;
  bool is_writing_ = false;
  std::unique_ptr<LogWriter> file_;
};

}  // namespace davit::shim
