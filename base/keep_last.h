// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lists in which a later item replaces an earlier one with the same key: environment variables, devices,
// mounts. Clients and images determine their length, so the cost must not be quadratic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace davit {

enum class Place {
  kOfTheFirst,  // the last item of a key moves to the position of the first one
  kOfTheLast,   // the last item keeps its position
};

// Removes all items but the last of each key. `less` compares `key_of(item)` and is called O(n log n) times.
// Keys may refer to their items.
template <typename Item, typename KeyOf, typename Less = std::less<>>
void KeepLastOfEachKey(std::vector<Item>& items, Place place, KeyOf key_of, Less less = {}) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  auto key_at = [&](size_t index) { return key_of(std::as_const(items[index])); };
  std::ranges::sort(order, [&](size_t a, size_t b) {
    if (less(key_at(a), key_at(b))) return true;
    return a < b && !less(key_at(b), key_at(a));
  });

  std::vector<bool> kept(items.size());
  std::vector<std::pair<size_t, size_t>> moves;  // from, to
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && !less(key_at(order[begin]), key_at(order[end]))) ++end;
    size_t last = order[end - 1];
    size_t to = place == Place::kOfTheFirst ? order[begin] : last;
    if (to != last) moves.emplace_back(last, to);
    kept[to] = true;
  }
  for (auto [from, to] : moves) items[to] = std::move(items[from]);

  size_t size = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!kept[i]) continue;
    if (size != i) items[size] = std::move(items[i]);
    ++size;
  }
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(size), items.end());
}

}  // namespace davit
