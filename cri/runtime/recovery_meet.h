// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Meeting the shims of all pods after a daemon's start.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "cri/runtime/sandboxes.h"
#include "cri/runtime/shim_watch.h"

namespace davit {

struct MeetingCounts {
  size_t met = 0;     // answered and reconciled
  size_t gone = 0;    // had no shim any more
  size_t silent = 0;  // have not answered yet
};

// One hung pod does not hold up the node: the daemon serves after a bounded wait, and a pod is reconciled
// when its shim answers.
class RecoveryMeeting {
 public:
  // All outlive the object.
  struct Ports {
    Shims& shims;
    PodTable& pods;
    ShimWatch& watch;
    Containers& containers;
    Sandboxes& sandboxes;
    const Logger& log;
  };
  explicit RecoveryMeeting(const Ports& ports) : ports_(ports) {}
  // Waits for meetings in progress.
  ~RecoveryMeeting() = default;

  // Meets all of them in parallel; returns when all have been reconciled, or after `patience`. Those that are
  // silent then have their recorded exits taken. Called once.
  MeetingCounts Meet(const std::vector<SandboxPtr>& sandboxes, std::chrono::milliseconds patience);

 private:
  class Attendance;

  void MeetOne(const SandboxPtr& sandbox, const std::shared_ptr<Attendance>& attendance);
  // Goes on with what the daemon before had begun.
  void Finish(const SandboxPtr& sandbox);

  const Ports ports_;
  std::vector<std::jthread> threads_;
};

}  // namespace davit
