// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A pool with a fixed number of threads.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"

namespace davit {

// Thread-safe. Runs work in the order in which it was posted. The destructor waits for running work and
// discards queued work. An exception thrown by work is logged; its thread continues.
class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  ~WorkerPool();

  void Post(std::function<void()> work) EXCLUDES(mutex_);

 private:
  void Run() EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace davit
