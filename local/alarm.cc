// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/time.h"

namespace davit::local {

Alarm::~Alarm() {
  reactor_.Await([this] {
    MutexLock lock(mutex_);
    if (timer_) reactor_.loop().Remove(timer_.get());
  });
}

Result<> Alarm::Set(const std::string& name, int64_t at_ms) {
  TRY(MakeTimer());
  MutexLock lock(mutex_);
  due_.emplace(at_ms, name);
  Arm();
  return {};
}

Result<> Alarm::MakeTimer() {
  Result<> made;
  reactor_.Await([&] {
    MutexLock lock(mutex_);
    if (timer_) return;
    UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    made = timer ? reactor_.loop().Add(timer.get(), EPOLLIN, [this](uint32_t) { OnTimer(); })
                 : Result<>(SystemError("timerfd_create", "alarm"));
    if (made) timer_ = std::move(timer);
  });
  return made;
}

void Alarm::Arm() {
  itimerspec at{};  // all zero: off
  if (!due_.empty()) {
    int64_t wait_ms = std::max<int64_t>(due_.begin()->first - MonotonicMilliseconds(), 0);
    at.it_value.tv_sec = wait_ms / 1000;
    at.it_value.tv_nsec = wait_ms % 1000 * 1'000'000 + 1;  // never off
  }
  timerfd_settime(timer_.get(), 0, &at, nullptr);
}

void Alarm::OnTimer() {
  std::vector<std::string> names;
  {
    MutexLock lock(mutex_);
    uint64_t expirations = 0;
    [[maybe_unused]] ssize_t n = read(timer_.get(), &expirations, sizeof expirations);
    auto later = due_.upper_bound(MonotonicMilliseconds());
    for (auto due = due_.begin(); due != later; ++due) names.push_back(due->second);
    due_.erase(due_.begin(), later);
    Arm();
  }
  for (const std::string& name : names) ring_(name);
}

}  // namespace davit::local
