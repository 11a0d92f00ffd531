// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A thread that waits for many descriptors.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "base/thread_annotations.h"

namespace davit {

// One epoll loop on a thread of its own: one for all shims, so that a pod costs no thread, one for all
// streams. What runs on it must not block. An exception ends the closure or the watch (EventLoop) that it
// leaves; the thread goes on.
class Reactor {
 public:
  static Result<std::unique_ptr<Reactor>> Start();
  // Stops the thread; closures still posted are dropped.
  ~Reactor();

  // Runs `work` on the reactor's thread, soon and in order.
  void Post(std::function<void()> work) EXCLUDES(mutex_);
  // The same, and waits until it is done. Not from the reactor's thread.
  void Await(const std::function<void()>& work) EXCLUDES(mutex_);

  // For closures and callbacks on the reactor's thread only.
  EventLoop& loop() { return loop_; }

 private:
  Reactor(EventLoop loop, UniqueFd wake) : loop_(std::move(loop)), wake_(std::move(wake)) {}
  void Run();
  void RunPosted() EXCLUDES(mutex_);
  void Wake();

  EventLoop loop_;
  UniqueFd wake_;  // eventfd
  Mutex mutex_;
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit
