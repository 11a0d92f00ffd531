// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Distributes messages to the clients that watch for them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit::cri {

// Every watcher gets every event since its creation, in the order of publication. A publisher never waits for
// a watcher: one that is too far behind is cut off, and must then read the complete state again.
//
// Thread-safe. Message is a message of protobuf.
template <typename Message>
class Feed {
 public:
  using Event = std::shared_ptr<const Message>;

  // One client. The feed must outlive it.
  class Watcher {
   public:
    ~Watcher() {
      MutexLock lock(feed_.mutex_);
      feed_.watchers_.erase(this);
    }
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // Returns the next event, or null if there is none yet; `on_news` is then called once when that changes.
    // kResourceExhausted if the watcher was cut off, kUnavailable if the feed has ended.
    Result<Event> Next() {
      MutexLock lock(feed_.mutex_);
      if (feed_.ended_) return Fail(Code::kUnavailable, "watch events", "", "the daemon is stopping");
      if (lagging_) {
        return Fail(
            Code::kResourceExhausted, "watch events", "",
            "events were not read as fast as they came, and some are lost; read the complete state again");
      }
      waits_ = queue_.empty();
      if (waits_) return Event();
      Event event = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= event->ByteSizeLong();
      return event;
    }

   private:
    friend class Feed;
    Watcher(Feed& feed, std::function<void()> on_news, std::function<void()> cut_off)
        : feed_(feed), on_news_(std::move(on_news)), cut_off_(std::move(cut_off)) {}
    void TellNews() {
      if (std::exchange(waits_, false)) on_news_();
    }

    // The members that are not constant are guarded by the feed's mutex.
    Feed& feed_;
    const std::function<void()> on_news_;
    const std::function<void()> cut_off_;
    std::deque<Event> queue_;
    size_t queued_bytes_ = 0;
    bool lagging_ = false;
    bool waits_ = false;  // Next returned null
  };

  // The queue of one watcher holds events of up to `most_bytes` in total, or one event of any size.
  explicit Feed(size_t most_bytes = 16 << 20) : most_bytes_(most_bytes) {}

  // Both functions are called on publishers' threads with the feed's lock held: they must not block or use
  // the feed. `on_news`: see Next. `cut_off` is called when the watcher is cut off; it ends a write to the
  // client that is stuck.
  std::unique_ptr<Watcher> Watch(std::function<void()> on_news, std::function<void()> cut_off)
      EXCLUDES(mutex_) {
    std::unique_ptr<Watcher> watcher(new Watcher(*this, std::move(on_news), std::move(cut_off)));
    MutexLock lock(mutex_);
    watchers_.insert(watcher.get());
    return watcher;
  }

  // False if there is no watcher, so that an event need not be created.
  bool watched() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return !watchers_.empty();
  }

  void Publish(Event event) EXCLUDES(mutex_) {
    size_t bytes = event->ByteSizeLong();
    MutexLock lock(mutex_);
    for (Watcher* watcher : watchers_) {
      if (watcher->lagging_) continue;
      if (watcher->queue_.empty() || watcher->queued_bytes_ + bytes <= most_bytes_) {
        watcher->queue_.push_back(event);
        watcher->queued_bytes_ += bytes;
        watcher->TellNews();
        continue;
      }
      watcher->lagging_ = true;
      watcher->queue_.clear();
      watcher->cut_off_();
      watcher->TellNews();
    }
  }

  // Ends all present and future watchers: their Next returns kUnavailable.
  void End() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ended_ = true;
    for (Watcher* watcher : watchers_) watcher->TellNews();
  }

 private:
  const size_t most_bytes_;
  mutable Mutex mutex_;
  std::set<Watcher*> watchers_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace davit::cri
