// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/event_feed.h"

#include <chrono>

#include "base/time.h"

namespace davit {

EventFeed::Watcher::~Watcher() {
  MutexLock lock(feed_.mutex_);
  feed_.watchers_.erase(this);
}

Result<EventFeed::Event> EventFeed::Watcher::Next(int64_t deadline_ms) {
  auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms - MonotonicMilliseconds());
  MutexLock lock(feed_.mutex_);
  while (true) {
    if (feed_.ended_) return Fail(Code::kUnavailable, "watch events", "", "the daemon is stopping");
    if (lagging_) {
      return Fail(Code::kResourceExhausted, "watch events", "",
                  "events were not read as fast as they came; list the pods again");
    }
    if (!queue_.empty()) {
      Event event = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= event->ByteSizeLong();
      return event;
    }
    if (!feed_.changed_.WaitUntil(feed_.mutex_, deadline)) return Event();
  }
}

std::unique_ptr<EventFeed::Watcher> EventFeed::Watch(std::function<void()> cut_off) {
  std::unique_ptr<Watcher> watcher(new Watcher(*this, std::move(cut_off)));
  MutexLock lock(mutex_);
  watchers_.insert(watcher.get());
  return watcher;
}

bool EventFeed::watched() const {
  MutexLock lock(mutex_);
  return !watchers_.empty();
}

void EventFeed::Publish(Event event) {
  size_t bytes = event->ByteSizeLong();
  MutexLock lock(mutex_);
  for (Watcher* watcher : watchers_) {
    if (watcher->lagging_) continue;
    if (watcher->queue_.empty() || watcher->queued_bytes_ + bytes <= most_bytes_) {
      watcher->queue_.push_back(event);
      watcher->queued_bytes_ += bytes;
      continue;
    }
    watcher->lagging_ = true;
    watcher->queue_.clear();
    watcher->cut_off_();
  }
  changed_.NotifyAll();
}

void EventFeed::End() {
  MutexLock lock(mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

}  // namespace davit
