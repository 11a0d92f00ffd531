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

namespace davit::shim {

class Exec {
 public:
  // As in Container::Callbacks.
  struct Callbacks {
    std::function<void(Result<>)> on_started;
    std::function<void(const ExecExited&)> on_exited;
  };

  // Which events are reported as soon as they happen. With kEnd, a successful start does not wake the shim,
  // and is reported with the end at the latest.
  enum class Told : uint8_t { kStartAndEnd, kEnd };

  Exec(Environment& env, std::string id, Callbacks callbacks);

  // Begins the start. After an error nothing was started, and no callback is called. The container must be
  // running now, and may end at any time. `plan` is an encoded ProcessPlan.
  Result<> Start(const Container& container, const std::string& plan, RoleFds fds, Told told);

  const PidFd& pidfd() const { return pidfd_; }
  pid_t pid() const { return pid_; }
  // Takes the controller of its terminal; later calls return an empty descriptor. The terminal hangs up when
  // the controller is closed.
  UniqueFd TakeTerminal() { return std::move(terminal_); }
  // True until execve has succeeded. If it just has, calls `on_started`.
  bool IsStarting();
  // Sends SIGKILL to the command and its process group. A start that is under way fails.
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

}  // namespace davit::shim
