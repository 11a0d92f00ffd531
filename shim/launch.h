// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Follows a child from clone to exec without blocking: if the child hangs, the rest of the pod continues.
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

namespace davit::shim {

// Settings that are applied to the child from outside before it is released.
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
    const Progress* progress = nullptr;  // what the child waits for; named in the timeout's error
    // The process that makes the child (CloneByHelper), or 0 if the child exists already. With a helper,
    // `on_born` is called with the child before the child is released; if it returns an error, the start
    // fails.
    pid_t helper = 0;
    std::function<Result<>(ClonedProcess)> on_born = {};
    // A successful exec does not wake the shim: `on_done` is called when the child ends or when Look finds
    // the success.
    bool quiet = false;
  };
  // Called once; may destroy the launch. After a success, `on_exit` is called when the child ends. After a
  // failure the child has ended, or, if SIGKILL does not end it within two seconds, is abandoned and reaped
  // when it ends.
  using OnDone = std::function<void(Result<Identity>)>;

  // `pidfd` must stay valid until `on_done`. With a helper, `pid` is 0 and `pidfd` is empty until `on_born`
  // has set it.
  Launch(Environment& env, pid_t pid, const PidFd& pidfd, UniqueFd sync, Options options, OnDone on_done,
         Children::OnExit on_exit);
  ~Launch();
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  // Starts to follow the child; may call `on_done` at once.
  void Begin();

  // Checks whether the child has succeeded. Returns true if it has called `on_done`.
  bool Look();

  // Kills the child; calls `on_done` with `reason` when it has ended, or with an earlier failure.
  void Abort(Error reason);

 private:
  // Reads all available messages. Returns true at the end of the stream.
  bool ReadSync();
  void OnBorn(Frame& frame);
  void OnHelperExit(ExitStatus status);
  void WatchChild();
  bool IsReaped() const;
  void OnExit(ExitStatus status);
  // Whether the child has executed the announced program. The child must not be reaped yet.
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

}  // namespace davit::shim
