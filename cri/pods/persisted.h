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
#include "cri/records/record_writer.h"

namespace davit {

// Readers never wait for the disk. Every value takes its place in the queue of the database in the step in
// which it becomes the value in memory, so that the row on disk is always the newest value, whichever way and
// by whichever thread it was written (record_writer.h).
template <typename Record>
class Persisted {
 public:
  using OnWritten = RecordWriter::OnWritten;
  // Queues the record's row and does not wait for the database. Called with the record's lock held, so it
  // does not call `on_written`, which the writer does, or this class for a write at once.
  using Write = std::function<PendingWrite(const Record& record, OnWritten on_written)>;

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

  // Applies `change` and returns when the result is written. When the write fails the change stands in memory
  // and the error is returned: what happened has happened, even on a full disk.
  template <typename ChangeFn>
  Result<> Change(ChangeFn change) EXCLUDES(mutex_) {
    return TryChange([&change](Record& record) {
      change(record);
      return true;
    });
  }

  // As Change, when `change` returns true; when it returns false nothing is written and nothing may have been
  // changed.
  template <typename ChangeFn>
  Result<> TryChange(ChangeFn change) EXCLUDES(mutex_) {
    PendingWrite written{Result<>()};
    {
      MutexLock lock(mutex_);
      if (!change(record_)) return {};
      written = write_(record_, nullptr);
    }
    changed_.NotifyAll();
    return written.Wait();
  }

  // As Change and TryChange for threads that must not wait for the database. Readers and waiters see the new
  // value at once. `on_written` is called on the writer's thread when the value, or a newer one, is committed
  // or has failed; until then the row on disk is an older one. Without a change it is not called.
  template <typename ChangeFn>
  void ChangeLater(ChangeFn change, const OnWritten& on_written) EXCLUDES(mutex_) {
    TryChangeLater(
        [&change](Record& record) {
          change(record);
          return true;
        },
        on_written);
  }
  // Returns what `change` returned.
  template <typename ChangeFn>
  bool TryChangeLater(ChangeFn change, const OnWritten& on_written) EXCLUDES(mutex_) {
    PendingWrite written{Result<>()};
    {
      MutexLock lock(mutex_);
      if (!change(record_)) return false;
      written = write_(record_, on_written);
    }
    changed_.NotifyAll();
    if (const Result<>* outcome = written.at_once()) on_written(*outcome);
    return true;
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
  mutable Mutex mutex_;
  mutable CondVar changed_;
  Record record_ GUARDED_BY(mutex_);
};

}  // namespace davit
