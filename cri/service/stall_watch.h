// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ends the call of a client that does not read or does not send.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "base/thread_annotations.h"

namespace davit::cri {

// A read or write that waits for a client holds a thread, and all that the call has made. Each one gets the
// same time.
class StallWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Operation = std::function<bool()>;
  static constexpr std::chrono::minutes kPatience{10};

  // `cancel` makes an operation that waits return. It is called at most once, on a thread of the watch.
  explicit StallWatch(std::function<void()> cancel, Clock::duration patience = kPatience);
  ~StallWatch() EXCLUDES(mutex_);
  StallWatch(const StallWatch&) = delete;
  StallWatch& operator=(const StallWatch&) = delete;

  // Runs a read or a write and returns its result. One of each may run at the same time.
  bool Read(const Operation& read) { return Await(kRead, read); }
  bool Write(const Operation& write) { return Await(kWrite, write); }

  // True if the client was too slow.
  bool stalled() const EXCLUDES(mutex_);

 private:
  enum Direction : uint8_t { kRead, kWrite };

  bool Await(Direction direction, const Operation& operation) EXCLUDES(mutex_);
  void Run() EXCLUDES(mutex_);

  const std::function<void()> cancel_;
  const Clock::duration patience_;
  mutable Mutex mutex_;
  CondVar stopped_;
  // When the operations that wait have waited for too long.
  std::array<std::optional<Clock::time_point>, 2> deadlines_ GUARDED_BY(mutex_);
  bool stalled_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::cri
