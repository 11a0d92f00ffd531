// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The processes whose end the shim waits for.
#pragma once

#include <sys/types.h>

#include <functional>
#include <unordered_map>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/spawn.h"
#include "base/unique_fd.h"

namespace davit::shim {

// Reaps every child, including those that the shim inherits as a subreaper. A watched child stays a zombie
// until its callback has returned, so that its pid is not reused and its /proc directory can be read.
class Children {
 public:
  using OnExit = std::function<void(ExitStatus)>;

  // SIGCHLD must be blocked. The loop must outlive the object.
  Result<> Listen(EventLoop& loop);

  // Calls `on_exit` once, when the child has ended. Call it after the clone before the loop runs again.
  void Watch(pid_t pid, OnExit on_exit) { watched_[pid] = std::move(on_exit); }
  // The child is then reaped without a callback.
  void Forget(pid_t pid) { watched_.erase(pid); }

 private:
  void ReapAll();

  UniqueFd signals_;
  std::unordered_map<pid_t, OnExit> watched_;
};

}  // namespace davit::shim
