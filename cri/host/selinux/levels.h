// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The levels of pods. Containers of all pods have one type, so what keeps pods apart is the pair of
// categories in their level (Multi-Category Security).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

// How many categories policies have: c0 to c1023.
constexpr uint32_t kSeLinuxCategories = 1024;

// Which pod or container has which level. Thread-safe.
class Levels {
 public:
  explicit Levels(uint32_t categories = kSeLinuxCategories) : categories_(categories) {}

  // `sensitivity` ("s0") with two categories, drawn at random, that nobody else has together.
  // kResourceExhausted when there are no more.
  Result<std::string> Take(const std::string& owner, const std::string& sensitivity) EXCLUDES(mutex_);

  // Keeps a level that somebody has chosen, and others may have as well, from being drawn.
  void Hold(const std::string& owner, const std::string& level) EXCLUDES(mutex_);

  // Nothing when `owner` has none.
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
  std::map<Pair, uint32_t> owners_ GUARDED_BY(mutex_);  // how many a pair has
};

}  // namespace davit
