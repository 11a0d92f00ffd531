// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Waits for many descriptors on one thread (epoll(7)).
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

// Single-threaded: all methods must be called on the loop's thread, and callbacks run there. Level-triggered.
class EventLoop {
 public:
  using Callback = std::function<void(uint32_t events)>;

  static Result<EventLoop> Create();

  // Watches `fd`. The caller owns `fd` and must call Remove before it closes it. One watch per descriptor. If
  // `callback` throws, the watch is removed, because the callback would run again at once, and RunOnce throws
  // the same exception.
  Result<> Add(int fd, uint32_t events, Callback callback);
  Result<> Modify(int fd, uint32_t events);
  // May be called inside any callback, also that of `fd`: events already fetched for `fd` are discarded.
  void Remove(int fd);

  // Waits up to `timeout_ms` milliseconds (-1: no limit) and runs the callbacks of the ready descriptors.
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
