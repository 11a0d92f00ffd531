// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Many deadlines with one timer of an event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace davit::dns {

// Of the loop's thread, which also destroys it.
class Timers {
 public:
  using Id = uint64_t;

  static Result<std::unique_ptr<Timers>> Create(EventLoop& loop);
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Calls `work` once, in `pause_ms` milliseconds or a little later, unless it is cancelled before.
  Id In(int64_t pause_ms, std::function<void()> work);
  // No-op if it has been called or cancelled.
  void Cancel(Id id);

 private:
  Timers(EventLoop& loop, UniqueFd timer) : loop_(loop), timer_(std::move(timer)) {}
  void Arm();
  void OnTimer();

  struct Entry {
    Id id;
    std::function<void()> work;
  };
  using Queue = std::multimap<int64_t, Entry>;

  EventLoop& loop_;
  const UniqueFd timer_;
  Id last_ = 0;
  Queue queue_;
  std::map<Id, Queue::iterator> by_id_;
};

}  // namespace davit::dns
