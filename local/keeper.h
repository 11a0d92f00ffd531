// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Looks after local containers: as soon as one has ended, and at the times that it is asked for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/elastic_pool.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "cri/runtime/announcer.h"
#include "local/alarm.h"

namespace davit::local {

// Each has threads of its own, so that an end never waits for a start that hangs, nor for the removal of a
// pod that has failed before, nor for the disk that a log is on, nor for a shim that is asked to run a probe.
enum class Lane : uint8_t { kEnds, kStarts, kRetries, kLogs, kHealth };
inline constexpr size_t kLanes = 5;

// Level-triggered: a look that is due stays due until it has begun, also if no thread can be started for it.
// Has no thread while nothing happens. Thread-safe.
class Keeper {
 public:
  // All must outlive the object.
  struct Ports {
    cri::Announcer& announcer;
    Reactor& timers;
    const Clock& clock;
    // Looks after one container. Runs on a thread of the lane, side by side with others, also of the same
    // container. What it throws is logged, and the look is repeated a second later.
    std::function<void(Lane lane, const std::string& id)> look;
    // The containers that may have a run, after events were lost. Must not block.
    std::function<std::vector<std::string>()> all;
    // For tests, instead of the threads of the lanes.
    std::function<void(Lane lane, std::function<void()> work)> post = nullptr;
  };
  explicit Keeper(Ports ports);
  // Waits for looks that have begun. They may still call LookAt, which does nothing.
  ~Keeper();

  // From now on no end is missed. Called once, before Begin.
  void Watch();
  // Looks begin, also those that were asked for before. Called once.
  Result<> Begin() { return alarm_.Begin(); }

  // At a time in MonotonicMilliseconds of the clock, or sooner. Of several looks of one container in one
  // lane, the earliest counts.
  void LookAt(Lane lane, const std::string& id, int64_t at_ms) EXCLUDES(mutex_);

 private:
  using Key = std::pair<Lane, std::string>;
  using WatcherPtr = std::unique_ptr<cri::EventFeed::Watcher>;

  void Post(Lane lane, std::function<void()> work);
  void OnAlarm() EXCLUDES(mutex_);
  void ReadNews();
  void PostDue() EXCLUDES(mutex_);
  std::vector<Key> TakeDue(int64_t now_ms) EXCLUDES(mutex_);
  void Look(const Key& key) EXCLUDES(mutex_);
  void Put(const Key& key, int64_t at_ms) REQUIRES(mutex_);
  void Arm() REQUIRES(mutex_);

  const Ports ports_;
  std::atomic<bool> news_ = false;
  WatcherPtr watcher_;  // of the reactor's thread
  Mutex mutex_;
  std::map<Key, int64_t> times_ GUARDED_BY(mutex_);                // of the looks that are not posted
  std::set<std::pair<int64_t, Key>> in_order_ GUARDED_BY(mutex_);  // the same, by time
  std::set<Key> posted_ GUARDED_BY(mutex_);                        // wait for a thread of their lane
  Alarm alarm_;
  std::array<std::unique_ptr<ElasticPool>, kLanes> pools_;  // last: their threads use all of the above
};

}  // namespace davit::local
