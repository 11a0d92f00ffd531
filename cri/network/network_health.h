// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks in the background whether the node's network works.
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

namespace davit::cri {

// Thread-safe. One thread runs the check ("look"): at the start, after LookAgain, when the watched directory
// changes, soon after one that failed, and periodically or when an old result is asked for. Last returns the
// stored result and waits for nothing.
class NetworkHealth {
 public:
  using Milliseconds = std::chrono::milliseconds;

  struct Options {
    std::string watched_dir;
    // False: whatever changes is announced by LookAgain. Nothing happens at rest unless the last check
    // failed; Last requests a check if the result is older than idle_period.
    bool periodic = true;
    Milliseconds period{5'000};        // between two checks
    Milliseconds idle_period{30'000};  // the period when Last was not called for this time
    Milliseconds retry{1'000};         // after a failed check; doubled by each further failure
    Milliseconds longest_retry{30'000};
    Milliseconds quiet{200};        // delay after a trigger, to combine changes in quick succession
    Milliseconds patience{15'000};  // a check that takes longer counts as failed
  };

  // The check. An error with EINTR says that it could not see the state: for some checks the judgement before
  // goes on counting. May take long, but must return soon after `interrupt_fd` becomes readable. Runs on the
  // thread, one at a time.
  using Look = std::function<Result<>(int interrupt_fd)>;

  static Result<std::unique_ptr<NetworkHealth>> Start(Options options, Look look);
  // Interrupts a running check and waits for its end.
  ~NetworkHealth();

  // The result of the last check; if periodic, at most idle_period plus the duration of a check old.
  // kUnavailable before the first one, kDeadlineExceeded while a check exceeds `patience`.
  Result<> Last() EXCLUDES(mutex_);

  // Requests a check that begins after this call. Returns at once.
  void LookAgain();

  // Requests a check that begins after this call and waits for its end; false if that takes longer than
  // `patience`.
  bool AwaitLook(Milliseconds patience) EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;

  NetworkHealth(Options options, Look look, UniqueFd stop, UniqueFd wake);
  void Run();
  void LookOnce() EXCLUDES(mutex_);
  bool WaitForReason() EXCLUDES(mutex_);
  std::optional<Milliseconds> Pause() EXCLUDES(mutex_);
  void Take(Result<> judgement) REQUIRES(mutex_);

  const Options options_;
  const Look look_;
  const UniqueFd stop_;  // eventfd; written once
  const UniqueFd wake_;  // eventfd
  DirectoryWatch watch_;
  Mutex mutex_;
  CondVar looked_;
  Result<> judgement_ GUARDED_BY(mutex_);
  int unseen_ GUARDED_BY(mutex_) = 0;                     // checks in a row that could not see the state
  std::optional<Milliseconds> retry_ GUARDED_BY(mutex_);  // set while the last check has failed
  std::optional<Clock::time_point> look_began_ GUARDED_BY(mutex_);  // while a check runs
  uint64_t begun_ GUARDED_BY(mutex_) = 0;                           // number of checks
  uint64_t ended_ GUARDED_BY(mutex_) = 0;
  Clock::time_point asked_at_ GUARDED_BY(mutex_) = Clock::now();
  Clock::time_point looked_at_ GUARDED_BY(mutex_) = Clock::now();  // the end of the last check
  std::jthread thread_;                                            // last member, because it uses the others
};

}  // namespace davit::cri
