// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Notices the ends of local containers, and starts them again after a pause.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/elastic_pool.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "cri/runtime/announcer.h"
#include "local/alarm.h"

namespace davit::local {

// Has no thread while nothing happens. Thread-safe.
class Keeper {
 public:
  // All must outlive the object. The functions get the id of a local container, which may be gone, and run on
  // threads of the object's own.
  struct Ports {
    cri::Announcer& announcer;
    Reactor& timers;
    // A container of its pod has ended.
    std::function<void(const std::string& id)> ended;
    // Events were lost: any container may have ended.
    std::function<void()> missed;
    // The pause of RestartAfter is over.
    std::function<void(const std::string& id)> restart;
  };
  explicit Keeper(Ports ports);
  // Waits for calls of the functions that have begun.
  ~Keeper();

  // From now on no end is missed. Called once.
  void Begin() EXCLUDES(mutex_);
  Result<> RestartAfter(const std::string& id, std::chrono::milliseconds pause);
  // Runs `work` on a thread of the object's own.
  void Post(std::function<void()> work) { pool_.Post(std::move(work)); }

 private:
  using WatcherPtr = std::shared_ptr<cri::EventFeed::Watcher>;

  void Watch() EXCLUDES(mutex_);
  void OnNews();
  void ReadNews() EXCLUDES(mutex_);
  WatcherPtr watcher() EXCLUDES(mutex_);

  const Ports ports_;
  Mutex mutex_;
  WatcherPtr watcher_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  ElasticPool pool_;
  Alarm alarm_;  // ends before the pool, into which it posts
};

}  // namespace davit::local
