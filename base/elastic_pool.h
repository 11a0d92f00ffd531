// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A pool of threads for work that may block.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"

namespace davit {

// Thread-safe. Starts a thread when all others are busy, up to `most`, and ends one that has been idle for
// `idle_time`. Further work waits in order for a thread. An exception thrown by work is logged; its thread
// continues.
class ElasticPool {
 public:
  explicit ElasticPool(size_t most, std::chrono::milliseconds idle_time = std::chrono::seconds(10))
      : most_(most), idle_time_(idle_time) {}
  // Waits for work that has begun and discards the rest.
  ~ElasticPool();

  // Throws if the pool has no thread and cannot start one.
  void Post(std::function<void()> work) EXCLUDES(mutex_);

  // The number of threads, busy and idle.
  size_t threads() const EXCLUDES(mutex_);

 private:
  void StartThread() REQUIRES(mutex_);
  void Run() EXCLUDES(mutex_);
  // Returns false if the thread must end.
  bool Take(std::function<void()>& work) EXCLUDES(mutex_);
  void Leave() REQUIRES(mutex_);

  const size_t most_;
  const std::chrono::milliseconds idle_time_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::vector<std::thread> ended_ GUARDED_BY(mutex_);  // ended, not joined yet
};

}  // namespace davit
