// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/guarded.h"
#include "base/time.h"

namespace davit::local {

Result<> Alarm::Begin() {
  Result<> begun;
  reactor_.Await([&] {
    UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    begun = timer ? reactor_.loop().Add(timer.get(), EPOLLIN, [this](uint32_t) { OnTimer(); })
                  : Result<>(SystemError("timerfd_create", "alarm"));
    if (!begun) return;
    MutexLock lock(mutex_);
    timer_ = std::move(timer);
    if (at_ms_) Arm();
  });
  return begun;
}

void Alarm::End() {
  reactor_.Await([this] {
    MutexLock lock(mutex_);
    if (timer_) reactor_.loop().Remove(timer_.get());
    timer_ = UniqueFd();
  });
}

void Alarm::RingIn(int64_t pause_ms) {
  int64_t at_ms = MonotonicMilliseconds() + std::max<int64_t>(pause_ms, 0);
  MutexLock lock(mutex_);
  if (at_ms_ && *at_ms_ <= at_ms) return;
  at_ms_ = at_ms;
  if (timer_) Arm();
}

void Alarm::Arm() {
  int64_t wait_ms = std::max<int64_t>(*at_ms_ - MonotonicMilliseconds(), 0);
  itimerspec at{};
  at.it_value.tv_sec = wait_ms / 1000;
  at.it_value.tv_nsec = wait_ms % 1000 * 1'000'000 + 1;  // all zero would turn it off
  timerfd_settime(timer_.get(), 0, &at, nullptr);
}

// An exception would end the watch of the timer.
void Alarm::OnTimer() {
  {
    MutexLock lock(mutex_);
    uint64_t expirations = 0;
    [[maybe_unused]] ssize_t n = read(timer_.get(), &expirations, sizeof expirations);
    at_ms_.reset();
  }
  RunGuarded("alarm", ring_);
}

}  // namespace davit::local
