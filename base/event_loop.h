// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One thread's wait for many descriptors (epoll(7)).
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Single-threaded: every method is called on the loop's own thread, callbacks included. Level-triggered.
class EventLoop {
 public:
  using Callback = std::function<void(uint32_t events)>;

  static Result<EventLoop> Create();

  // Watches `fd`, which stays the caller's and is removed before it is closed. One watch per descriptor. An
  // exception that leaves `callback` ends the watch, which would be called again at once, and leaves RunOnce.
  Result<> Add(int fd, uint32_t events, Callback callback);
  Result<> Modify(int fd, uint32_t events);
  // Safe inside any callback, also the fd's own: events already fetched for it are dropped.
  void Remove(int fd);

  // Waits up to `timeout_ms` (-1: for ever) and runs the callbacks of what is ready.
  Result<> RunOnce(int timeout_ms);

 private:
  struct Watch {
    int fd;
    Callback callback;
    bool removed = false;
  };

  void Notify(Watch& watch, uint32_t events);

  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
};

}  // namespace davit
