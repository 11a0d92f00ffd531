// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/selinux/levels.h"

#include <algorithm>
#include <charconv>
#include <random>

namespace davit::cri {
namespace {

// "c12" and nothing else.
bool ParseCategory(std::string_view text, uint32_t& category) {
  if (!text.starts_with('c')) return false;
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data() + 1, end, category);
  return error == std::errc() && at == end;
}

std::string Written(const std::string& sensitivity, std::pair<uint32_t, uint32_t> pair) {
  return sensitivity + ":c" + std::to_string(pair.first) + ",c" + std::to_string(pair.second);
}

}  // namespace

Result<std::string> Levels::Take(const std::string& owner, const std::string& sensitivity) {
  std::random_device random;
  std::uniform_int_distribution<uint32_t> second(1, categories_ - 1);
  Pair start{0, second(random)};
  start.first = std::uniform_int_distribution<uint32_t>(0, start.second - 1)(random);
  Pair pair;
  MutexLock lock(mutex_);
  if (!FindFree(start, pair)) {
    return Fail(Code::kResourceExhausted, "choose SELinux level", owner,
                "every pair of categories is a pod's already");
  }
  Keep(owner, pair);
  return Written(sensitivity, pair);
}

void Levels::Hold(const std::string& owner, const std::string& level) {
  Pair pair;
  if (!ParsePair(level, pair)) return;  // never drawn
  MutexLock lock(mutex_);
  Keep(owner, pair);
}

void Levels::GiveBack(const std::string& owner) {
  MutexLock lock(mutex_);
  Drop(owner);
}

// "s0:c5,c12", in either order.
bool Levels::ParsePair(std::string_view level, Pair& pair) {
  size_t colon = level.find(':');
  if (colon == level.npos) return false;
  std::string_view categories = level.substr(colon + 1);
  size_t comma = categories.find(',');
  if (comma == categories.npos) return false;
  if (!ParseCategory(categories.substr(0, comma), pair.first)) return false;
  if (!ParseCategory(categories.substr(comma + 1), pair.second)) return false;
  if (pair.first > pair.second) std::swap(pair.first, pair.second);
  return true;
}

// Once around, from `start` on.
bool Levels::FindFree(Pair start, Pair& found) const {
  found = start;
  do {
    if (!owners_.contains(found)) return true;
    if (++found.first >= found.second) found = {0, found.second + 1 < categories_ ? found.second + 1 : 1};
  } while (found != start);
  return false;
}

void Levels::Keep(const std::string& owner, Pair pair) {
  Drop(owner);
  of_owner_[owner] = pair;
  ++owners_[pair];
}

void Levels::Drop(const std::string& owner) {
  auto held = of_owner_.find(owner);
  if (held == of_owner_.end()) return;
  auto count = owners_.find(held->second);
  if (--count->second == 0) owners_.erase(count);
  of_owner_.erase(held);
}

}  // namespace davit::cri
