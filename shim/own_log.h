// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The shim's own log lines, on the descriptor that the daemon gave it: mostly the daemon's stderr.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/environment.h"
#include "shim/log_writer.h"

namespace davit {

// Never waits for a reader or a disk: what a pipe or a socket (of a journald that stands still) does not take
// is lost, and a file is written by a process of its own (log_task.h).
class OwnLog {
 public:
  // Takes `fd`. Its flags stay as they are, because the daemon and the other shims have it, too. The
  // environment outlives the log. After an error lines are written to `fd` itself, with the wait.
  Result<> Open(Environment& env, UniqueFd fd);

  // Before Open, lines are lost.
  void Write(std::string_view line);

  // Runs the loop until every line is in its file, for a second at most.
  void Drain();

 private:
  void WriteFile(std::string_view line);

  Environment* env_ = nullptr;
  UniqueFd fd_;
  bool is_socket_ = false;
  bool is_writing_ = false;
  std::unique_ptr<LogWriter> file_;
};

}  // namespace davit
