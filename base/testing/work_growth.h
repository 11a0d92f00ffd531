// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: shows that the cost of foreign data is not quadratic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <limits>

namespace davit {

// CPU time of work(large) as a multiple of work(small): the best of three runs of each, on this thread. For
// large = 16 * small, work in O(n log n) has some 16 to 25, quadratic work up to 256: 64 separates them on
// any machine.
template <typename Work>
double GrowthOfWork(size_t small, size_t large, Work work) {
  auto now = [] {
    timespec spent{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
  };
  auto best_of_three = [&](size_t size) {
    double best = std::numeric_limits<double>::max();
    for (int run = 0; run < 3; ++run) {
      double start = now();
      work(size);
      best = std::min(best, now() - start);
    }
    return best;
  };
  double small_time = best_of_three(small);
  return best_of_three(large) / small_time;
}

}  // namespace davit
