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

namespace davit {

// Reaps every child, also those that the shim only inherits as subreaper. A child that somebody watches stays
// a zombie, its pid its own and its /proc there to be read, until its callback has returned.
class Children {
 public:
  using OnExit = std::function<void(ExitStatus)>;

  // SIGCHLD must be blocked. The loop must outlive the object.
  Result<> Listen(EventLoop& loop);

  // To be called before the loop runs again after the clone.
  void Watch(pid_t pid, OnExit on_exit) { watched_[pid] = std::move(on_exit); }
  // The child is reaped without a word.
  void Forget(pid_t pid) { watched_.erase(pid); }

 private:
  void ReapAll();

  UniqueFd signals_;
  std::unordered_map<pid_t, OnExit> watched_;
};

}  // namespace davit
