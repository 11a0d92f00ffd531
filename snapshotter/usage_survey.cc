// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/usage_survey.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "base/guarded.h"
#include "base/priority.h"
#include "base/time.h"

namespace davit::snapshotter {
namespace {

constexpr int64_t kRestPerWalk = 20;
// Of processor time. One walker at a time makes walks that are known to take more.
constexpr int64_t kLongWalkMs = 1'000;

int64_t ProcessorMilliseconds() {
  struct timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return spent.tv_sec * 1000 + spent.tv_nsec / 1'000'000;
}

}  // namespace

UsageSurvey::UsageSurvey(Measure measure) : UsageSurvey(std::move(measure), Options()) {}

UsageSurvey::UsageSurvey(Measure measure, Options options)
    : measure_(std::move(measure)), options_(std::move(options)) {
  if (!options_.now_ms) options_.now_ms = MonotonicMilliseconds;
  if (!options_.processor_ms) options_.processor_ms = ProcessorMilliseconds;
}

UsageSurvey::~UsageSurvey() {
  std::array<std::thread, 2> threads;
  {
    MutexLock lock(mutex_);
    stop_ = true;
    for (size_t i = 0; i < threads.size(); ++i) threads.at(i) = std::move(walkers_.at(i).thread);
  }
  asked_.NotifyAll();
  measured_.NotifyAll();
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

std::optional<UsageReading> UsageSurvey::Get(const std::string& id, int64_t deadline_ms) {
  auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms - MonotonicMilliseconds());
  MutexLock lock(mutex_);
  auto [entry, is_new] = entries_.try_emplace(id);
  if (is_new) entry->second.fresh_at_ms = options_.now_ms();
  if (!entry->second.asked && options_.now_ms() >= entry->second.due_at_ms) Ask(id, entry->second);
  if (entry->second.asked && IsLate(entry->second)) {
    // A walk that has begun may be the one that has to end, or the one in the way.
    for (Walker& walker : walkers_) SetPriority(walker, /*hurried=*/true);
  }
  while (true) {
    auto found = entries_.find(id);
    if (found == entries_.end() || stop_) return std::nullopt;
    if (found->second.reading || !found->second.asked) return found->second.reading;
    if (!measured_.WaitUntil(mutex_, deadline)) return std::nullopt;
  }
}

void UsageSurvey::Ask(const std::string& id, Entry& entry) {
  entry.asked = true;
  queue_.push_back(id);
  // A walker that is idle may already have been woken for what is queued before this.
  size_t idle = static_cast<size_t>(std::ranges::count_if(
      walkers_, [](const Walker& walker) { return walker.thread.joinable() && !walker.busy; }));
  for (Walker& walker : walkers_) {
    if (idle >= queue_.size() || stop_ || walker.thread.joinable()) continue;
    walker.thread = std::thread([this, &walker] { Run(walker); });
    ++idle;
  }
  asked_.NotifyAll();
}

// Half of the bound is left for the walk.
bool UsageSurvey::IsLate(const Entry& entry) const {
  return options_.now_ms() - entry.fresh_at_ms >= options_.oldest_age_ms / 2;
}

void UsageSurvey::Forget(const std::string& id) {
  MutexLock lock(mutex_);
  entries_.erase(id);
}

// A kernel that refuses lets the walks compete, or keeps them waiting; the figures are right all the same.
void UsageSurvey::SetPriority(Walker& walker, bool hurried) {
  if (walker.tid == 0 || walker.hurried == hurried) return;
  walker.hurried = hurried;
  SetThreadPriority(walker.tid, hurried ? Priority::kNormal : Priority::kIdle);
}

void UsageSurvey::Run(Walker& walker) {
  {
    MutexLock lock(mutex_);
    walker.tid = gettid();
    walker.hurried = true;  // as threads are born
    SetPriority(walker, /*hurried=*/false);
  }
  while (std::optional<Walk> walk = Next(walker)) {
    Result<DiskUsage> usage = Guarded("measure", walk->id, [&] { return measure_(walk->id, stop_); });
    Keep(walker, *walk, usage);
    measured_.NotifyAll();
  }
}

std::optional<UsageSurvey::Walk> UsageSurvey::Next(Walker& walker) {
  MutexLock lock(mutex_);
  while (!stop_) {
    if (std::optional<std::string> id = TakeFromQueue(walker))
      return Walk{std::move(*id), options_.now_ms(), options_.processor_ms()};
    asked_.Wait(mutex_);
  }
  return std::nullopt;
}

// What is late first, the oldest of that; then the shortest.
std::optional<std::string> UsageSurvey::TakeFromQueue(Walker& walker) {
  std::erase_if(queue_, [this](const std::string& id) REQUIRES(mutex_) { return !entries_.contains(id); });
  bool long_walk = std::ranges::any_of(walkers_, [](const Walker& w) { return w.on_long_walk; });
  auto best = queue_.end();
  std::tuple<bool, int64_t> best_rank;
  for (auto id = queue_.begin(); id != queue_.end(); ++id) {
    const Entry& entry = entries_.at(*id);
    if (long_walk && entry.cost_ms >= kLongWalkMs) continue;
    bool late = IsLate(entry);
    std::tuple rank(!late, late ? entry.fresh_at_ms : entry.cost_ms);
    if (best != queue_.end() && rank >= best_rank) continue;
    best = id;
    best_rank = rank;
  }
  if (best == queue_.end()) return std::nullopt;
  std::string id = *best;
  queue_.erase(best);
  walker.busy = true;
  walker.on_long_walk = entries_.at(id).cost_ms >= kLongWalkMs;
  SetPriority(walker, /*hurried=*/!std::get<0>(best_rank));
  return id;
}

void UsageSurvey::Keep(Walker& walker, const Walk& walk, const Result<DiskUsage>& usage) {
  int64_t cost = options_.processor_ms() - walk.began_processor_ms;
  MutexLock lock(mutex_);
  walker.busy = false;
  walker.on_long_walk = false;
  asked_.NotifyAll();  // a long walk may be in the queue
  auto found = entries_.find(walk.id);
  if (found == entries_.end()) return;  // forgotten meanwhile
  Entry& entry = found->second;
  int64_t now = options_.now_ms();
  int64_t rest = std::max(options_.longest_age_ms, kRestPerWalk * cost);
  entry.asked = false;
  entry.cost_ms = cost;
  // The next walk ends before the bound if it takes as long as this one.
  entry.due_at_ms =
      now + std::max<int64_t>(0, std::min(rest, options_.oldest_age_ms - (now - walk.began_ms)));
  if (usage) {
    entry.reading = UsageReading{*usage, UnixNanoseconds()};
    entry.fresh_at_ms = now;
  } else if (usage.error().code == Code::kNotFound || usage.error().code == Code::kInvalidArgument) {
    entries_.erase(found);
  }
}

}  // namespace davit::snapshotter
