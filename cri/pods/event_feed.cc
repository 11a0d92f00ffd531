// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/event_feed.h"

#include <utility>

namespace davit::cri {

EventFeed::Watcher::~Watcher() {
  MutexLock lock(feed_.mutex_);
  feed_.watchers_.erase(this);
}

Result<EventFeed::Event> EventFeed::Watcher::Next() {
  MutexLock lock(feed_.mutex_);
  if (feed_.ended_) return Fail(Code::kUnavailable, "watch events", "", "the daemon is stopping");
  if (lagging_) {
    return Fail(Code::kResourceExhausted, "watch events", "",
                "events were not read as fast as they came; list the pods again");
  }
  waits_ = queue_.empty();
  if (waits_) return Event();
  Event event = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= event->ByteSizeLong();
  return event;
}

void EventFeed::Watcher::TellNews() {
  if (std::exchange(waits_, false)) on_news_();
}

std::unique_ptr<EventFeed::Watcher> EventFeed::Watch(std::function<void()> on_news,
                                                     std::function<void()> cut_off) {
  std::unique_ptr<Watcher> watcher(new Watcher(*this, std::move(on_news), std::move(cut_off)));
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
      watcher->TellNews();
      continue;
    }
    watcher->lagging_ = true;
    watcher->queue_.clear();
    watcher->cut_off_();
    watcher->TellNews();
  }
}

void EventFeed::End() {
  MutexLock lock(mutex_);
  ended_ = true;
  for (Watcher* watcher : watchers_) watcher->TellNews();
}

}  // namespace davit::cri
