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
  ~Exec() { HangUp(); }
  Exec(const Exec&) = delete;
  Exec& operator=(const Exec&) = delete;

  // Begins the start. After an error nothing was started, and no callback is called. The container must be
  // running now, and may end at any time. `plan` is an encoded ProcessPlan. `window` is for its terminal.
  Result<> Start(const Container& container, const std::string& plan, RoleFds fds, Told told,
                 WindowSize window = {});

  const PidFd& pidfd() const { return pidfd_; }
  pid_t pid() const { return pid_; }
  // Takes the controller of its terminal; later calls return an empty descriptor. The terminal hangs up when
  // the controller is closed.
  UniqueFd TakeTerminal() { return std::move(terminal_); }
  // The controller, or -1.
  int terminal() const { return terminal_.get(); }
  // Closes our controller of the terminal: it hangs up if there is no other one.
  void HangUp();
  // Keeps the terminal from now on without a client: reads its output and drops it. Idempotent.
  Result<> KeepTerminal();
  bool keeps_terminal() const { return drops_output_; }
  // Sends the signal to the process group of the command, if it is running.
  void Signal(int signo);
  // True until execve has succeeded. If it just has, calls `on_started`.
  bool IsStarting();
  // Sends SIGKILL to the command and its process group. A start that is under way fails.
  void Kill();

 private:
  Result<> Take(ClonedProcess child);
  void DropOutput();

  Environment& env_;
  std::string id_;
  Callbacks callbacks_;
  pid_t pid_ = 0;
  PidFd pidfd_;
  UniqueFd terminal_;
  bool drops_output_ = false;
  std::unique_ptr<Launch> launch_;
};

}  // namespace davit::shim
