// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/event_loop.h"

namespace davit {

Result<EventLoop> EventLoop::Create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return SystemError("epoll_create1", "event loop");
  return EventLoop(std::move(epoll));
}

Result<> EventLoop::Add(int fd, uint32_t events, Callback callback) {
  auto watch = std::make_shared<Watch>(Watch{fd, std::move(callback)});
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
    return SystemError("epoll_ctl(ADD)", std::to_string(fd));
  watches_[fd] = std::move(watch);
  return {};
}

Result<> EventLoop::Modify(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) < 0)
    return SystemError("epoll_ctl(MOD)", std::to_string(fd));
  return {};
}

void EventLoop::Remove(int fd) {
  auto it = watches_.find(fd);
  if (it == watches_.end()) return;
  it->second->removed = true;
  watches_.erase(it);
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Result<> EventLoop::RunOnce(int timeout_ms) {
  constexpr int kBatch = 16;
  epoll_event events[kBatch];
  int ready = epoll_wait(epoll_.get(), events, kBatch, timeout_ms);
  if (ready < 0) return errno == EINTR ? Result<>{} : SystemError("epoll_wait", "event loop");

  // The watches as they are now: a callback may close a descriptor and open another one with the same number.
  std::shared_ptr<Watch> batch[kBatch];
  for (int i = 0; i < ready; ++i) {
    auto it = watches_.find(events[i].data.fd);
    if (it != watches_.end()) batch[i] = it->second;
  }
  for (int i = 0; i < ready; ++i) {
    if (batch[i] && !batch[i]->removed) Notify(*batch[i], events[i].events);
  }
  return {};
}

void EventLoop::Notify(Watch& watch, uint32_t events) {
  struct RemoveUnlessReturned {
    ~RemoveUnlessReturned() {
      if (!returned && !watch.removed) loop.Remove(watch.fd);
    }
    EventLoop& loop;
    Watch& watch;
    bool returned = false;
  } guard{*this, watch};
  watch.callback(events);
  guard.returned = true;
}

}  // namespace davit
