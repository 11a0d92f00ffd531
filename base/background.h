// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A step of an operation that another thread takes while the caller takes the next ones.
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

// The step may use all that outlives this object: it has ended when the object is gone. An exception that
// leaves it is its error.
template <typename T = void>
class Background {
 public:
  Background(WorkerPool& threads, std::function<Result<T>()> step) : shared_(std::make_shared<Shared>()) {
    shared_->step = std::move(step);
    outcome_ = shared_->outcome.get_future();
    threads.Post([shared = shared_] { shared->Run(); });
  }
  // A step that no thread has begun is left out.
  ~Background() {
    if (outcome_.valid() && shared_->begun.exchange(true)) outcome_.wait();
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Called once. Takes the step itself when the threads have not come to it.
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
