// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A child between clone and exec, without ever waiting for it: whatever it hangs on, the rest of the pod goes
// on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "shim/clone.h"
#include "shim/environment.h"
#include "shim/plan.h"
#include "shim/progress.h"
#include "shim/sync.h"

namespace davit {

// What is done to the child from outside before it is released.
struct Placement {
  std::vector<Rlimit> rlimits;
  std::optional<int32_t> oom_score_adj;
};

class Launch {
 public:
  struct Options {
    std::string subject;      // for errors: the container or exec id
    uint32_t timeout_ms = 0;  // 0: none
    Placement placement;
    std::function<void(UniqueFd controller)> on_console;  // the child made a terminal
    const Progress* progress = nullptr;                   // what to name when it takes too long
    // The process that makes the child (CloneByHelper), or 0 where the child is there already. `on_born` is
    // then called with the child before that is released; its error ends the start.
    pid_t helper = 0;
    std::function<Result<>(ClonedProcess)> on_born = {};
    // Nobody waits to hear of the exec: then it wakes nobody, and `on_done` comes with the child's end, or
    // when somebody looks.
    bool quiet = false;
  };
  // Called once. After a success the child is a process of its own whose end is told by `on_exit`; after a
  // failure it is gone, or abandoned to be reaped some day when not even SIGKILL ends it. The launch may be
  // destroyed inside.
  using OnDone = std::function<void(Result<Identity>)>;

  // `pidfd` outlives the launch, up to `on_done`. With a helper it is empty, and `pid` 0, until `on_born` has
  // filled it.
  Launch(Environment& env, pid_t pid, const PidFd& pidfd, UniqueFd sync, Options options, OnDone on_done,
         Children::OnExit on_exit);
  ~Launch();
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  // Starts to follow the child; may call `on_done` at once.
  void Begin();

  // Looks whether it has succeeded; true after it has called `on_done`.
  bool Look();

  // Ends the child; `on_done` is called with the reason when it is gone.
  void Abort(Error reason);

 private:
  // Reads what is there; true at the end of the stream.
  bool ReadSync();
  void OnBorn(Frame& frame);
  void OnHelperExit(ExitStatus status);
  void WatchChild();
  bool IsReaped() const;
  void OnExit(ExitStatus status);
  // Whether the child is the announced program by now. It is a child that nobody has reaped.
  bool HasSucceeded() const;
  Error WhyItEnded(ExitStatus status) const;
  void OnTimeout();
  void PlaceAndRelease();
  void Succeed();
  void Finish(Result<Identity> result);
  void StopWatching();

  Environment& env_;
  pid_t pid_;
  const PidFd& pidfd_;
  UniqueFd sync_;
  Options options_;
  OnDone on_done_;
  Children::OnExit on_exit_;
  std::optional<Announcement> announcement_;
  std::optional<Error> failure_;
  Timers::Id timer_ = 0;
};

}  // namespace davit
