// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Work for threads other than the caller's.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"

namespace davit {

// A few threads. The runtime's first ones give back what ended things held: cgroups, exit records, the pods
// of dead shims. Work that is still queued when the daemon ends is done by recovery at its next start. An
// exception ends the work that it leaves, and no thread.
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
