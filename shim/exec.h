// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A program started in a running container.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/pid_fd.h"
#include "shim/container.h"
#include "shim/environment.h"
#include "shim/launch.h"
#include "shim/protocol.h"
#include "shim/role_fds.h"

namespace davit {

class Exec {
 public:
  // As Container::Callbacks.
  struct Callbacks {
    std::function<void(Result<>)> on_started;
    std::function<void(const ExecExited&)> on_exited;
  };

  // What has to be told when it happens. With the end alone, a success of the start wakes nobody and is told
  // with the end.
  enum class Told : uint8_t { kStartAndEnd, kEnd };

  Exec(Environment& env, std::string id, Callbacks callbacks);

  // Begins; an error means that nothing was begun. The container must be running now, it may end at any time.
  // `plan` is a ProcessPlan, encoded.
  Result<> Start(const Container& container, const std::string& plan, RoleFds fds, Told told);

  const PidFd& pidfd() const { return pidfd_; }
  pid_t pid() const { return pid_; }
  // The controller of its terminal, once; whoever has it is all that keeps the terminal up.
  UniqueFd TakeTerminal() { return std::move(terminal_); }
  // Its program does not run yet. May call `on_started` with a success.
  bool IsStarting();
  // SIGKILL to the command and what is in its process group.
  void Kill();

 private:
  Result<> Take(ClonedProcess child);

  Environment& env_;
  std::string id_;
  Callbacks callbacks_;
  pid_t pid_ = 0;
  PidFd pidfd_;
  UniqueFd terminal_;
  std::unique_ptr<Launch> launch_;
};

}  // namespace davit
