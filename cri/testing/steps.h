// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The steps that a verb takes, recorded, and made to fail one at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

// Shared by all fakes of one test. A test runs a verb once to see its steps, and then again for each of them,
// with that step failing. Thread-safe.
class Steps {
 public:
  // A fake's method begins with this: the error that the test wants, or success.
  Result<> Take(const std::string& step) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    taken_.push_back(step);
    bool nth = fail_at_ && *fail_at_ == taken_.size() - 1;
    auto planned = failures_.find(step);
    bool by_name = planned != failures_.end() && planned->second > 0;
    if (by_name) --planned->second;
    if (!nth && !by_name) return {};
    return davit::Fail(code_, step, "", "the test wants it to fail");
  }

  // The step with this index among those that are taken from now on fails.
  void FailNth(size_t index) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    taken_.clear();
    fail_at_ = index;
  }
  // The next `times` steps of this name fail.
  void Fail(const std::string& step, int times = 1, Code code = Code::kInternal) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    failures_[step] = times;
    code_ = code;
  }
  // Nothing fails any more, and nothing has been taken.
  void Reset() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    taken_.clear();
    failures_.clear();
    fail_at_.reset();
  }

  std::vector<std::string> taken() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return taken_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> taken_ GUARDED_BY(mutex_);
  std::map<std::string, int> failures_ GUARDED_BY(mutex_);
  std::optional<size_t> fail_at_ GUARDED_BY(mutex_);
  Code code_ GUARDED_BY(mutex_) = Code::kInternal;
};

}  // namespace davit
