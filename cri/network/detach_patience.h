// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How long to retry when the network of a pod cannot be detached.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/thread_annotations.h"

namespace davit::cri {

// Thread-safe. The time is measured from the first failure in this process.
class DetachPatience {
 public:
  using Clock = std::chrono::steady_clock;

  explicit DetachPatience(std::chrono::milliseconds patience) : patience_(patience) {}

  // Whether attempts have failed for longer than the patience, so that the next attempt is the last one.
  bool IsOver(const std::string& id) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    auto first = first_failures_.find(id);
    return first != first_failures_.end() && Clock::now() - first->second >= patience_;
  }
  void Failed(const std::string& id) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    first_failures_.try_emplace(id, Clock::now());
  }
  void Forget(const std::string& id) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    first_failures_.erase(id);
  }

 private:
  const std::chrono::milliseconds patience_;
  mutable Mutex mutex_;
  std::map<std::string, Clock::time_point> first_failures_ GUARDED_BY(mutex_);  // by sandbox id
};

}  // namespace davit::cri
