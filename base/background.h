// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs one step of an operation on another thread while the caller continues with the next steps.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "base/worker_pool.h"

namespace davit {

// The step may use everything that outlives this object: it does not run after the destructor. An exception
// thrown by the step becomes its error.
template <typename T = void>
class Background {
 public:
  Background(WorkerPool& threads, std::function<Result<T>()> step) : shared_(std::make_shared<Shared>()) {
    shared_->step = std::move(step);
    outcome_ = shared_->outcome.get_future();
    threads.Post([shared = shared_] { shared->Run(); });
  }
  // Waits for the step if a thread has begun it; otherwise the step never runs.
  ~Background() {
    if (outcome_.valid() && shared_->begun.exchange(true)) outcome_.wait();
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Call it at most once. Runs the step on the calling thread if no other thread has begun it, else waits for
  // it.
  Result<T> Wait() {
    shared_->Run();
    return outcome_.get();
  }

 private:
  struct Shared {
    std::function<Result<T>()> step;
    std::atomic<bool> begun = false;
    std::promise<Result<T>> outcome;
    void Run() {
      if (!begun.exchange(true)) outcome.set_value(Guarded("run", "background step", step));
    }
  };

  std::shared_ptr<Shared> shared_;
  std::future<Result<T>> outcome_;
};

}  // namespace davit
