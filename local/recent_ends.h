// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How containers have ended that are removed already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/thread_annotations.h"

namespace davit::local {

// For clients that ask too late: a container may be removed as soon as it has ended. In memory only.
// Thread-safe.
class RecentEnds {
 public:
  static constexpr size_t kMost = 256;

  void Remember(const std::string& id, int32_t exit_code) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ends_.emplace_back(id, exit_code);
    if (ends_.size() > kMost) ends_.pop_front();
  }
  // By the whole id; nullopt if it is not among the last ones.
  std::optional<int32_t> Find(const std::string& id) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (const auto& [known, exit_code] : ends_)
      if (known == id) return exit_code;
    return std::nullopt;
  }

 private:
  mutable Mutex mutex_;
  std::deque<std::pair<std::string, int32_t>> ends_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
