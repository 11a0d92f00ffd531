// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/log_watch.h"

#include <utility>

#include "base/guarded.h"
#include "base/time.h"

namespace davit::local {
namespace {

constexpr int64_t kSoonMs = 1'000;
constexpr int64_t kLaterMs = 10'000;  // as often as the kubelet looks

}  // namespace

LogWatch::LogWatch(Ports ports)
    : ports_(std::move(ports)),
      alarm_(std::make_unique<Alarm>(ports_.timers, [this](const std::string&) { OnAlarm(); })) {}

void LogWatch::End() {
  std::unique_ptr<Alarm> ended;
  MutexLock lock(mutex_);
  std::swap(ended, alarm_);  // ends after the lock
}

// If it cannot be posted, the next container that starts sets the alarm again.
void LogWatch::OnAlarm() {
  bool posted = false;
  RunGuarded("logs of local containers", [&] {
    ports_.post([this] { Look(); });
    posted = true;
  });
  if (!posted) awake_ = false;
}

void LogWatch::Wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  if (!awake_.exchange(true)) SetAlarm(kSoonMs);
}

void LogWatch::SetAlarm(int64_t pause_ms) {
  awake_ = alarm_ != nullptr && alarm_->Set("", MonotonicMilliseconds() + pause_ms).has_value();
}

void LogWatch::Look() {
  {
    MutexLock lock(mutex_);
    woken_ = false;
  }
  Next next = ports_.look();
  MutexLock lock(mutex_);
  if (next == Next::kOnWake && !woken_)
    awake_ = false;
  else
    SetAlarm(next == Next::kLater ? kLaterMs : kSoonMs);
}

}  // namespace davit::local
