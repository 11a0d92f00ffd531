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

// An epoll loop on its own thread. One reactor serves all shims, so that a pod needs no thread; another one
// serves all streams. Code that runs on it must not block. An exception is logged and ends only the closure
// or the watch (EventLoop) that threw it; the thread continues.
class Reactor {
 public:
  static Result<std::unique_ptr<Reactor>> Start();
  // Stops the thread; closures that have not run are discarded.
  ~Reactor();

  // Queues `work` for the reactor's thread, which runs closures soon and in order. Callable on any thread.
  void Post(std::function<void()> work) EXCLUDES(mutex_);
  // Posts `work` and blocks until it has run. Must not be called on the reactor's thread.
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
