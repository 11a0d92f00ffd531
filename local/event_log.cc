// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/event_log.h"

namespace davit::local {

void EventLog::Note(const char* type, const std::string& action, const std::string& id,
                    const Attributes& attributes) {
  auto event = std::make_shared<api::Event>();
  event->set_type(type);
  event->set_action(action);
  event->set_id(id);
  for (const auto& [name, value] : attributes) (*event->mutable_attributes())[name] = value;
  MutexLock lock(mutex_);
  event->set_happened_at(clock_.UnixNanoseconds());
  kept_.push_back(event);
  if (kept_.size() > kMostKept) kept_.pop_front();
  feed_.Publish(std::move(event));
}

std::unique_ptr<EventLog::Watch> EventLog::Begin(int64_t since, std::function<void()> on_news,
                                                 std::function<void()> cut_off) {
  auto watch = std::make_unique<Watch>();
  MutexLock lock(mutex_);
  for (const Feed::Event& event : kept_)
    if (since > 0 && event->happened_at() >= since) watch->kept_.push_back(event);
  watch->watcher_ = feed_.Watch(std::move(on_news), std::move(cut_off));
  return watch;
}

Result<cri::Feed<api::Event>::Event> EventLog::Watch::Next() {
  if (kept_.empty()) return watcher_->Next();
  Feed::Event event = std::move(kept_.front());
  kept_.pop_front();
  return event;
}

}  // namespace davit::local
