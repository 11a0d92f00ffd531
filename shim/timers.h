// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Timers of a single-threaded loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

namespace davit::shim {

class Timers {
 public:
  using Id = uint64_t;

  // Runs `callback` once, `delay_ms` from now, from RunDue().
  Id Add(int64_t delay_ms, std::function<void()> callback);
  // Timers that have run and unknown ids are ignored.
  void Cancel(Id id);

  // Milliseconds until the next deadline, as epoll_wait takes them: -1 when there is none.
  int NextTimeout() const;
  void RunDue();

 private:
  struct Entry {
    int64_t deadline_ms;
    std::function<void()> callback;
  };
  std::map<Id, Entry> entries_;  // a handful at most
  Id next_ = 1;
};

}  // namespace davit::shim
