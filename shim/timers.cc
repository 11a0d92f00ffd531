// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/timers.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/time.h"

namespace davit::shim {

Timers::Id Timers::Add(int64_t delay_ms, std::function<void()> callback) {
  entries_[next_] = {MonotonicMilliseconds() + delay_ms, std::move(callback)};
  return next_++;
}

void Timers::Cancel(Id id) {
  entries_.erase(id);
}

int Timers::NextTimeout() const {
  if (entries_.empty()) return -1;
  int64_t next = std::numeric_limits<int64_t>::max();
  for (const auto& [id, entry] : entries_) next = std::min(next, entry.deadline_ms);
  return static_cast<int>(std::clamp<int64_t>(next - MonotonicMilliseconds(), 0, 1 << 30));
}

void Timers::RunDue() {
  int64_t now = MonotonicMilliseconds();
  std::vector<Id> due;
  for (const auto& [id, entry] : entries_) {
    if (entry.deadline_ms <= now) due.push_back(id);
  }
  for (Id id : due) {
    auto node = entries_.extract(id);  // an earlier callback may have cancelled it
    if (!node.empty()) node.mapped().callback();
  }
}

}  // namespace davit::shim
