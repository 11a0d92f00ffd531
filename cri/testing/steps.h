// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Records the steps of a verb, and makes a chosen step fail or throw.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit::cri {

// What a step does that the test wants to fail: it returns an error, or throws an exception.
enum class Failure : uint8_t { kError, kException };

// Shared by all fakes of one test. A test runs a verb once to learn its steps, and then once more for each
// step, with that step failing. Thread-safe.
class Steps {
 public:
  // Every method of a fake calls this first. Returns the error that the test has set, or success; throws if
  // the test wants an exception.
  Result<> Take(const std::string& step) EXCLUDES(mutex_) {
    Result<> outcome;
    std::function<void()> during;
    {
      MutexLock lock(mutex_);
      taken_.push_back(step);
      outcome = OutcomeOf(step);
      if (auto planned = during_.lower_bound(step); planned != during_.upper_bound(step))
        during = std::move(during_.extract(planned).mapped());
    }
    if (during) during();
    if (!outcome && failure_ == Failure::kException) throw std::runtime_error(outcome.error().ToString());
    return outcome;
  }

  // How the steps that the test wants to fail do so, until the next call; at first by kError.
  void FailBy(Failure failure) { failure_ = failure; }
  // Clears the recorded steps; of the following steps the one with this index fails.
  void FailNth(size_t index) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    taken_.clear();
    fail_at_ = index;
  }
  // The next `times` steps with this name fail.
  void Fail(const std::string& step, int times = 1, Code code = Code::kInternal) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    failures_[step] = times;
    code_ = code;
  }
  // The next step with this name calls `during` on its thread before it has an effect, so that a test can
  // make other calls then, or delay the step. Called several times, it applies to as many steps, in order.
  void During(const std::string& step, std::function<void()> during) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    during_.emplace(step, std::move(during));
  }
  // Clears all failures, interruptions and recorded steps.
  void Reset() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    taken_.clear();
    failures_.clear();
    during_.clear();
    fail_at_.reset();
  }

  std::vector<std::string> taken() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return taken_;
  }

 private:
  Result<> OutcomeOf(const std::string& step) REQUIRES(mutex_) {
    bool nth = fail_at_ && *fail_at_ == taken_.size() - 1;
    auto planned = failures_.find(step);
    bool by_name = planned != failures_.end() && planned->second > 0;
    if (by_name) --planned->second;
    if (!nth && !by_name) return {};
    return davit::Fail(code_, step, "", "the test wants it to fail");
  }

  std::atomic<Failure> failure_ = Failure::kError;
  mutable Mutex mutex_;
  std::vector<std::string> taken_ GUARDED_BY(mutex_);
  std::map<std::string, int> failures_ GUARDED_BY(mutex_);
  std::multimap<std::string, std::function<void()>> during_ GUARDED_BY(mutex_);
  std::optional<size_t> fail_at_ GUARDED_BY(mutex_);
  Code code_ GUARDED_BY(mutex_) = Code::kInternal;
};

}  // namespace davit::cri
