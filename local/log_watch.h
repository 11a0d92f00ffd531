// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Looks at the logs of running containers from time to time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "local/alarm.h"

namespace davit::local {

// Has no thread, and no timer while no container runs. Thread-safe.
class LogWatch {
 public:
  enum class Next : uint8_t {
    kSoon,    // some logs grow fast
    kLater,   // no log does
    kOnWake,  // no container runs
  };
  struct Ports {
    Reactor& timers;
    // Runs the work on a thread that may wait for the disk.
    std::function<void(std::function<void()>)> post;
    // Looks at all logs, and says when to look again. Never called twice at a time.
    std::function<Next()> look;
  };
  explicit LogWatch(Ports ports);

  // A container runs from now on. Not to be called on the timers' thread.
  void Wake() EXCLUDES(mutex_);
  // Nothing is posted afterwards. Called once, before `post` ends.
  void End() EXCLUDES(mutex_);

 private:
  void OnAlarm();
  void Look() EXCLUDES(mutex_);
  void SetAlarm(int64_t pause_ms) REQUIRES(mutex_);

  const Ports ports_;
  std::atomic<bool> awake_ = false;  // an alarm is set, or somebody looks; the timers' thread takes no lock
  Mutex mutex_;
  bool woken_ GUARDED_BY(mutex_) = false;  // since the last look began
  std::unique_ptr<Alarm> alarm_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
