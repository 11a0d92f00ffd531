// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The SELinux levels of pods. Containers of all pods have the same type; the pair of categories in their
// level isolates pods from each other (Multi-Category Security).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit::cri {

// The number of categories in policies: c0 to c1023.
constexpr uint32_t kSeLinuxCategories = 1024;

// Records which pod or container has which level. Thread-safe.
class Levels {
 public:
  explicit Levels(uint32_t categories = kSeLinuxCategories) : categories_(categories) {}

  // Returns `sensitivity` ("s0") with a random pair of categories that no other owner has. kResourceExhausted
  // if no pair is free.
  Result<std::string> Take(const std::string& owner, const std::string& sensitivity) EXCLUDES(mutex_);

  // Reserves a level that a pod or container requests or has already, so that Take does not return its pair
  // of categories. Several owners may hold the same level.
  void Hold(const std::string& owner, const std::string& level) EXCLUDES(mutex_);

  // No-op if `owner` has none.
  void GiveBack(const std::string& owner) EXCLUDES(mutex_);

 private:
  using Pair = std::pair<uint32_t, uint32_t>;  // the smaller one first

  static bool ParsePair(std::string_view level, Pair& pair);
  bool FindFree(Pair start, Pair& found) const REQUIRES(mutex_);
  void Keep(const std::string& owner, Pair pair) REQUIRES(mutex_);
  void Drop(const std::string& owner) REQUIRES(mutex_);

  const uint32_t categories_;
  Mutex mutex_;
  std::map<std::string, Pair> of_owner_ GUARDED_BY(mutex_);
  std::map<Pair, uint32_t> owners_ GUARDED_BY(mutex_);  // number of owners of each pair
};

}  // namespace davit::cri
