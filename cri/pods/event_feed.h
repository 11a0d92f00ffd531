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

  // One client. The feed outlives it.
  class Watcher {
   public:
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // The next event; null when there is none yet, and then `on_news` is called once when that changes.
    // kResourceExhausted when the watcher was cut off, kUnavailable when the feed has ended.
    Result<Event> Next();

   private:
    friend class EventFeed;
    Watcher(EventFeed& feed, std::function<void()> on_news, std::function<void()> cut_off)
        : feed_(feed), on_news_(std::move(on_news)), cut_off_(std::move(cut_off)) {}
    void TellNews();

    // All but these constants is guarded by the feed's mutex.
    EventFeed& feed_;
    const std::function<void()> on_news_;
    const std::function<void()> cut_off_;
    std::deque<Event> queue_;
    size_t queued_bytes_ = 0;
    bool lagging_ = false;
    bool waits_ = false;  // Next had nothing
  };

  // Events of `most_bytes` together may wait for one watcher, and one event of any size.
  explicit EventFeed(size_t most_bytes = 16 << 20) : most_bytes_(most_bytes) {}

  // Both functions are called from publishers' threads, under the feed's lock: they do not block, and do not
  // use the feed. `on_news` as in Next; `cut_off` when the watcher is cut off: it ends a write to the client
  // that does not come to its end.
  std::unique_ptr<Watcher> Watch(std::function<void()> on_news, std::function<void()> cut_off)
      EXCLUDES(mutex_);

  // False: nobody would see an event.
  bool watched() const EXCLUDES(mutex_);

  void Publish(Event event) EXCLUDES(mutex_);

  // Ends all watchers, present and future.
  void End() EXCLUDES(mutex_);

 private:
  const size_t most_bytes_;
  mutable Mutex mutex_;
  std::set<Watcher*> watchers_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace davit
