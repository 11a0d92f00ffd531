// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A record that is kept both in memory and in the database.
#pragma once

#include <functional>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/thread_annotations.h"
#include "cri/records/record_writer.h"

namespace davit::cri {

// Readers never wait for the disk. A change of the value in memory and the queueing of its row are one atomic
// step, so an older value never replaces a newer one on disk, regardless of the method and the thread
// (record_writer.h).
template <typename Record>
class Persisted {
 public:
  using OnWritten = RecordWriter::OnWritten;
  // Queues the record's row and does not wait for the database. Called with the record's lock held: it must
  // neither use this object nor call `on_written`, which the writer's thread calls. After an immediate write,
  // this class calls it.
  using Write = std::function<PendingWrite(const Record& record, OnWritten on_written)>;

  Persisted(Record record, Write write) : write_(std::move(write)), record_(std::move(record)) {}

  Record Get() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return record_;
  }

  // Returns read(record), without a copy of the whole record.
  template <typename ReadFn>
  auto Read(ReadFn read) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return read(record_);
  }

  // Applies `change` and waits until the result is written. If the write fails or throws, the change stays
  // in memory and the error is returned: the event has happened, even if the disk is full.
  template <typename ChangeFn>
  Result<> Change(ChangeFn change) EXCLUDES(mutex_) {
    return TryChange([&change](Record& record) {
      change(record);
      return true;
    });
  }

  // Like Change, if `change` returns true. If it returns false it must not have changed the record, and
  // nothing is written.
  template <typename ChangeFn>
  Result<> TryChange(ChangeFn change) EXCLUDES(mutex_) {
    PendingWrite written{Result<>()};
    {
      MutexLock lock(mutex_);
      if (!change(record_)) return {};
      written = Queue(nullptr);
    }
    changed_.NotifyAll();
    return written.Wait();
  }

  // Like TryChange, for threads that must not wait for the database. Readers and waiters see the new value at
  // once. `on_written` is called on the writer's thread when this value or a newer one is committed or has
  // failed; until then the row on disk is older. Called on the calling thread if the value was written at
  // once, and not at all if nothing was changed. Returns what `change` returned.
  template <typename ChangeFn>
  bool TryChangeLater(ChangeFn change, const OnWritten& on_written) EXCLUDES(mutex_) {
    PendingWrite written{Result<>()};
    {
      MutexLock lock(mutex_);
      if (!change(record_)) return false;
      written = Queue(on_written);
    }
    changed_.NotifyAll();
    if (const Result<>* outcome = written.at_once()) on_written(*outcome);
    return true;
  }

  // Waits until reached(record) is true; returns false at `deadline_ms` (MonotonicMilliseconds of `clock`).
  template <typename Reached>
  bool WaitUntil(Reached reached, int64_t deadline_ms, const Clock& clock) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!reached(record_)) {
      if (!clock.WaitUntil(changed_, mutex_, deadline_ms)) return reached(record_);
    }
    return true;
  }

 private:
  // An exception must not hide the change from those that wait for it.
  PendingWrite Queue(const OnWritten& on_written) REQUIRES(mutex_) {
    const Record* record = &record_;  // clang does not see that the lambda runs under the lock
    Result<PendingWrite> queued =
        Guarded("queue", "record", [&]() -> Result<PendingWrite> { return write_(*record, on_written); });
    return queued ? std::move(*queued) : PendingWrite(std::unexpected(std::move(queued).error()));
  }

  const Write write_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  Record record_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
