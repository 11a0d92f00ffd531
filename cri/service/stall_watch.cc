// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/stall_watch.h"

#include <algorithm>
#include <utility>

#include "base/guarded.h"

namespace davit::cri {

StallWatch::StallWatch(std::function<void()> cancel, Clock::duration patience)
    : cancel_(std::move(cancel)),
      patience_(patience),
      thread_([this] { RunGuarded("stall watch", [this] { Run(); }); }) {}

StallWatch::~StallWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stopped_.NotifyAll();
  }
  thread_.join();
}

bool StallWatch::stalled() const {
  MutexLock lock(mutex_);
  return stalled_;
}

// Does not wake the thread, which never sleeps for longer than an operation may take.
bool StallWatch::Await(Direction direction, const Operation& operation) {
  {
    MutexLock lock(mutex_);
    deadlines_[direction] = Clock::now() + patience_;
  }
  bool done = operation();
  MutexLock lock(mutex_);
  deadlines_[direction].reset();
  return done;
}

void StallWatch::Run() {
  MutexLock lock(mutex_);
  while (!stopping_ && !stalled_) {
    Clock::time_point now = Clock::now();
    Clock::time_point next = now + patience_;
    for (const auto& deadline : deadlines_) next = std::min(next, deadline.value_or(next));
    stalled_ = next <= now;
    if (!stalled_) stopped_.WaitUntil(mutex_, next);
  }
  if (!stopping_) cancel_();
}

}  // namespace davit::cri
