// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the benchmarks of the network share.
#pragma once

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/ns_handle.h"
#include "base/unique_fd.h"

namespace davit::cni {

// The value; ends the program with the error's text if there is none.
template <typename T>
T OrDie(Result<T> result) {
  if (!result) {
    fprintf(stderr, "%s\n", result.error().ToString().c_str());
    exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Durations in microseconds.
class Samples {
 public:
  void Time(const std::function<void()>& work) {
    auto start = std::chrono::steady_clock::now();
    work();
    values_.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  double Quantile(double q) {
    std::ranges::sort(values_);
    return values_.empty() ? 0 : values_[static_cast<size_t>(q * static_cast<double>(values_.size() - 1))];
  }
  void Print(const char* name) { printf("  %-44s %8.0f %8.0f\n", name, Quantile(0.5), Quantile(0.9)); }

 private:
  std::vector<double> values_;
};

inline UniqueFd NewNetns() {
  UniqueFd fd;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) == 0) fd = OrDie(NsHandle::OfSelf("net")).Take();
  }).join();
  return fd;
}

}  // namespace davit::cni
