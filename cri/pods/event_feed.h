// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What happens to pods, for clients that watch.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

// Every watcher gets every event from its beginning on, in the order in which they were published. A
// publisher never waits for a watcher: one that falls too far behind is cut off, and must look at the whole
// state again anyway.
//
// Thread-safe.
class EventFeed {
 public:
  using Event = std::shared_ptr<const ::runtime::v1::ContainerEventResponse>;

  // One client, for one thread. The feed outlives it.
  class Watcher {
   public:
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // The next event; null when none came until `deadline_ms` (MonotonicMilliseconds). kResourceExhausted
    // when the watcher was cut off, kUnavailable when the feed has ended.
    Result<Event> Next(int64_t deadline_ms);

   private:
    friend class EventFeed;
    Watcher(EventFeed& feed, std::function<void()> cut_off) : feed_(feed), cut_off_(std::move(cut_off)) {}

    // All but these constants is guarded by the feed's mutex.
    EventFeed& feed_;
    const std::function<void()> cut_off_;
    std::deque<Event> queue_;
    size_t queued_bytes_ = 0;
    bool lagging_ = false;
  };

  // Events of `most_bytes` together may wait for one watcher, and one event of any size.
  explicit EventFeed(size_t most_bytes = 16 << 20) : most_bytes_(most_bytes) {}

  // `cut_off` is called when the watcher is cut off, from the publisher's thread: it wakes a thread that is
  // stuck in writing to the client, and does not block.
  std::unique_ptr<Watcher> Watch(std::function<void()> cut_off) EXCLUDES(mutex_);

  // False: nobody would see an event.
  bool watched() const EXCLUDES(mutex_);

  void Publish(Event event) EXCLUDES(mutex_);

  // Ends all watchers, present and future.
  void End() EXCLUDES(mutex_);

 private:
  const size_t most_bytes_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::set<Watcher*> watchers_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace davit
