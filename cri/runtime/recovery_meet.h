// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Connects to the shims of all pods after the daemon's start.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "cri/runtime/sandboxes.h"
#include "cri/runtime/shim_watch.h"

namespace davit::cri {

struct MeetingCounts {
  size_t met = 0;      // answered and reconciled
  size_t gone = 0;     // were not stopped, and have no shim any more
  size_t stopped = 0;  // were stopped before the daemon ended
  size_t silent = 0;   // have not answered yet, or cannot be asked
};

// A pod that hangs does not block the node: the daemon serves after a bounded wait, and each pod is
// reconciled when its shim answers.
class RecoveryMeeting {
 public:
  // All must outlive the object.
  struct Ports {
    Shims& shims;
    PodTable& pods;
    ShimWatch& watch;
    Containers& containers;
    Sandboxes& sandboxes;
    const Logger& log;
  };
  explicit RecoveryMeeting(const Ports& ports) : ports_(ports) {}

  // Connects to all shims in parallel; returns when all are reconciled, or after `patience`. Then the
  // recorded exits of pods that are still silent are applied. Called once.
  MeetingCounts Meet(const std::vector<SandboxPtr>& sandboxes, std::chrono::milliseconds patience);
  // Waits until the threads of Meet have ended: afterwards no shim is connected any more. A shim that was
  // connected may still be reconciled, by events of the shim, while the object exists.
  void Join() { threads_.clear(); }

 private:
  class Attendance;

  void MeetOne(const SandboxPtr& sandbox, const std::shared_ptr<Attendance>& attendance);
  void FinishWithoutShim(const SandboxPtr& sandbox);
  void UndoUnfinished(const SandboxPtr& sandbox);
  // Completes container removals that the previous daemon began.
  void Finish(const SandboxPtr& sandbox);

  const Ports ports_;
  std::vector<std::jthread> threads_;
};

}  // namespace davit::cri
