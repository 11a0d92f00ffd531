// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Distributes events of pods to the clients that watch them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit::cri {

// Every watcher gets every event since its creation, in the order of publication. A publisher never waits for
// a watcher: one that is too far behind is cut off, and must then read the complete state again.
//
// Thread-safe.
class EventFeed {
 public:
  using Event = std::shared_ptr<const ::runtime::v1::ContainerEventResponse>;

  // One client. The feed must outlive it.
  class Watcher {
   public:
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // Returns the next event, or null if there is none yet; `on_news` is then called once when that changes.
    // kResourceExhausted if the watcher was cut off, kUnavailable if the feed has ended.
    Result<Event> Next();

   private:
    friend class EventFeed;
    Watcher(EventFeed& feed, std::function<void()> on_news, std::function<void()> cut_off)
        : feed_(feed), on_news_(std::move(on_news)), cut_off_(std::move(cut_off)) {}
    void TellNews();

    // The members that are not constant are guarded by the feed's mutex.
    EventFeed& feed_;
    const std::function<void()> on_news_;
    const std::function<void()> cut_off_;
    std::deque<Event> queue_;
    size_t queued_bytes_ = 0;
    bool lagging_ = false;
    bool waits_ = false;  // Next returned null
  };

  // The queue of one watcher holds events of up to `most_bytes` in total, or one event of any size.
  explicit EventFeed(size_t most_bytes = 16 << 20) : most_bytes_(most_bytes) {}

  // Both functions are called on publishers' threads with the feed's lock held: they must not block or use
  // the feed. `on_news`: see Next. `cut_off` is called when the watcher is cut off; it ends a write to the
  // client that is stuck.
  std::unique_ptr<Watcher> Watch(std::function<void()> on_news, std::function<void()> cut_off)
      EXCLUDES(mutex_);

  // False if there is no watcher, so that an event need not be created.
  bool watched() const EXCLUDES(mutex_);

  void Publish(Event event) EXCLUDES(mutex_);

  // Ends all present and future watchers: their Next returns kUnavailable.
  void End() EXCLUDES(mutex_);

 private:
  const size_t most_bytes_;
  mutable Mutex mutex_;
  std::set<Watcher*> watchers_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace davit::cri
