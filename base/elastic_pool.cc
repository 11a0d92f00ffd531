// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/elastic_pool.h"

#include <algorithm>

#include "base/guarded.h"

namespace davit {

ElasticPool::~ElasticPool() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    threads.swap(threads_);
    std::ranges::move(ended_, std::back_inserter(threads));
    ended_.clear();
  }
  for (std::thread& thread : threads) thread.join();
}

void ElasticPool::Post(std::function<void()> work) {
  std::vector<std::thread> ended;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;  // by work that had begun; nobody would join a new thread
    queue_.push_back(std::move(work));
    if (queue_.size() > idle_ && threads_.size() < most_) StartThread();
    ended.swap(ended_);
  }
  changed_.NotifyOne();
  for (std::thread& thread : ended) thread.join();
}

size_t ElasticPool::threads() const {
  MutexLock lock(mutex_);
  return threads_.size();
}

// Without a new thread the work waits for an old one; without any it would wait for ever.
void ElasticPool::StartThread() {
  try {
    threads_.emplace_back(&ElasticPool::Run, this);
  } catch (...) {
    if (!threads_.empty()) return;
    queue_.pop_back();
    throw;
  }
}

void ElasticPool::Run() {
  for (std::function<void()> work; Take(work); work = nullptr) RunGuarded("worker", work);
}

bool ElasticPool::Take(std::function<void()>& work) {
  MutexLock lock(mutex_);
  auto deadline = std::chrono::steady_clock::now() + idle_time_;
  ++idle_;
  bool in_time = true;
  while (queue_.empty() && !stopping_ && in_time) in_time = changed_.WaitUntil(mutex_, deadline);
  --idle_;
  if (stopping_) return false;
  if (queue_.empty()) {
    Leave();
    return false;
  }
  work = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

void ElasticPool::Leave() {
  auto self = std::ranges::find(threads_, std::this_thread::get_id(), &std::thread::get_id);
  ended_.push_back(std::move(*self));
  threads_.erase(self);
}

}  // namespace davit
