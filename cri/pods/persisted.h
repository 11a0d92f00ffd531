// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A record in memory that is also in the database.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/time.h"

namespace davit {

// Readers never wait for the disk: the value has a lock of its own, held for a copy only. Writers are
// serialised, so that the row on disk is always the newest value, whichever thread wrote first.
template <typename Record>
class Persisted {
 public:
  using Write = std::function<Result<>(const Record&)>;

  Persisted(Record record, Write write) : write_(std::move(write)), record_(std::move(record)) {}

  Record Get() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return record_;
  }

  // One value out of the record, without a copy of the rest: `read` returns it.
  template <typename ReadFn>
  auto Read(ReadFn read) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return read(record_);
  }

  // Applies `change` and writes the result. When the write fails the change stands in memory and the error is
  // returned: what happened has happened, even on a full disk.
  template <typename ChangeFn>
  Result<> Change(ChangeFn change) EXCLUDES(writer_, mutex_) {
    return TryChange([&change](Record& record) {
      change(record);
      return true;
    });
  }

  // As Change, when `change` returns true; when it returns false nothing is written and nothing may have been
  // changed.
  template <typename ChangeFn>
  Result<> TryChange(ChangeFn change) EXCLUDES(writer_, mutex_) {
    MutexLock writing(writer_);
    Record written;
    {
      MutexLock lock(mutex_);
      if (!change(record_)) return {};
      written = record_;
    }
    changed_.NotifyAll();
    return write_(written);
  }

  // Waits until `reached(record)`; false when `deadline_ms` (MonotonicMilliseconds) came first.
  template <typename Reached>
  bool WaitUntil(Reached reached, int64_t deadline_ms) const EXCLUDES(mutex_) {
    auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms - MonotonicMilliseconds());
    MutexLock lock(mutex_);
    while (!reached(record_)) {
      if (!changed_.WaitUntil(mutex_, deadline)) return reached(record_);
    }
    return true;
  }

 private:
  const Write write_;
  Mutex writer_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  Record record_ GUARDED_BY(mutex_);
};

}  // namespace davit
