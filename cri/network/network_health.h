// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether the node's network works, looked at in the background.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/network/directory_watch.h"

namespace davit {

// Thread-safe. One thread looks: at once, when LookAgain says so, when the watched directory changes, and
// periodically. To ask for the last judgement costs nothing and starts nothing.
class NetworkHealth {
 public:
  using Milliseconds = std::chrono::milliseconds;

  struct Options {
    std::string watched_dir;
    Milliseconds period{5'000};        // between two looks
    Milliseconds idle_period{30'000};  // the same when nobody has asked for as long
    Milliseconds quiet{200};           // after a reason to look, for changes that come in groups
    Milliseconds patience{15'000};     // a look that takes longer is a judgement: not ready
  };

  // May take long, but ends soon after `interrupt_fd` has become readable. Runs on the thread, one at a time.
  using Look = std::function<Result<>(int interrupt_fd)>;

  static Result<std::unique_ptr<NetworkHealth>> Start(Options options, Look look);
  // Interrupts a look and waits for its end.
  ~NetworkHealth();

  // The last judgement, idle_period and a look old at most. kUnavailable before the first one,
  // kDeadlineExceeded while a look takes too long.
  Result<> Last() EXCLUDES(mutex_);

  // Returns at once; what has happened so far will be seen.
  void LookAgain() EXCLUDES(mutex_);

  // Waits for the end of a look that begins after this call, which has it begin; false when `patience` is
  // over.
  bool AwaitLook(Milliseconds patience) EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;

  NetworkHealth(Options options, Look look, UniqueFd stop, UniqueFd wake);
  void Run();
  void LookOnce() EXCLUDES(mutex_);
  bool WaitForReason() EXCLUDES(mutex_);
  Milliseconds Pause() EXCLUDES(mutex_);

  const Options options_;
  const Look look_;
  const UniqueFd stop_;  // eventfd; written once
  const UniqueFd wake_;  // eventfd
  DirectoryWatch watch_;
  Mutex mutex_;
  CondVar looked_;
  Result<> judgement_ GUARDED_BY(mutex_);
  std::optional<Clock::time_point> look_began_ GUARDED_BY(mutex_);  // while one is on
  uint64_t begun_ GUARDED_BY(mutex_) = 0;                           // looks
  uint64_t ended_ GUARDED_BY(mutex_) = 0;
  Clock::time_point asked_at_ GUARDED_BY(mutex_) = Clock::now();
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace davit
