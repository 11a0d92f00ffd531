// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/usage_survey.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/time.h"

namespace davit {
namespace {

constexpr int64_t kRestPerWalk = 20;

// Of linux/ioprio.h, which C++ cannot read.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

// Of the calling thread alone. A kernel that refuses only lets the walks compete.
void StandBack() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 19);
  syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle);
}

}  // namespace

UsageSurvey::UsageSurvey(Measure measure, int64_t longest_age_ms)
    : measure_(std::move(measure)), longest_age_ms_(longest_age_ms) {}

UsageSurvey::~UsageSurvey() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stop_ = true;
    thread = std::move(thread_);
  }
  asked_.NotifyAll();
  measured_.NotifyAll();
  if (thread.joinable()) thread.join();
}

std::optional<UsageReading> UsageSurvey::Get(const std::string& id, int64_t deadline_ms) {
  auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms - MonotonicMilliseconds());
  MutexLock lock(mutex_);
  Entry& entry = entries_[id];
  if (!entry.asked && MonotonicMilliseconds() >= entry.due_at_ms) Ask(id, entry);
  while (true) {
    auto found = entries_.find(id);
    if (found == entries_.end() || stop_) return std::nullopt;
    if (found->second.reading || !found->second.asked) return found->second.reading;
    if (!measured_.WaitUntil(mutex_, deadline)) return std::nullopt;
  }
}

void UsageSurvey::Ask(const std::string& id, Entry& entry) {
  if (!thread_.joinable() && !stop_) thread_ = std::thread(&UsageSurvey::Run, this);
  entry.asked = true;
  queue_.push_back(id);
  asked_.NotifyOne();
}

void UsageSurvey::Forget(const std::string& id) {
  MutexLock lock(mutex_);
  entries_.erase(id);
}

void UsageSurvey::Run() {
  StandBack();
  while (std::optional<std::string> id = Next()) {
    int64_t began = MonotonicMilliseconds();
    Result<DiskUsage> usage = measure_(*id, stop_);
    Keep(*id, usage, MonotonicMilliseconds() - began);
    measured_.NotifyAll();
  }
}

std::optional<std::string> UsageSurvey::Next() {
  MutexLock lock(mutex_);
  while (!stop_) {
    while (queue_.empty() && !stop_) asked_.Wait(mutex_);
    if (stop_) break;
    std::string id = std::move(queue_.front());
    queue_.pop_front();
    if (entries_.contains(id)) return id;
  }
  return std::nullopt;
}

void UsageSurvey::Keep(const std::string& id, const Result<DiskUsage>& usage, int64_t walk_ms) {
  MutexLock lock(mutex_);
  auto found = entries_.find(id);
  if (found == entries_.end()) return;  // forgotten meanwhile
  Entry& entry = found->second;
  entry.asked = false;
  entry.due_at_ms = MonotonicMilliseconds() + std::max(longest_age_ms_, kRestPerWalk * walk_ms);
  if (usage)
    entry.reading = UsageReading{*usage, UnixNanoseconds()};
  else if (usage.error().code == Code::kNotFound || usage.error().code == Code::kInvalidArgument)
    entries_.erase(found);
}

}  // namespace davit
