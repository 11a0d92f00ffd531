// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A thread that empties the write-ahead log (WAL), so that no writer has to wait for the disk because of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/backoff.h"
#include "base/error.h"
#include "base/thread_annotations.h"
#include "cri/records/sqlite.h"

namespace davit::cri {

// By default, SQLite writers do two slow things: the checkpoint itself, and after a checkpoint the fsync of
// the log's new header, which the next writer does. wal_autocheckpoint=0 prevents the first. To prevent the
// second, this thread never leaves a log that is fully copied but not restarted: it restarts the log and
// writes its first transaction itself, under the writers' lock. Most copying and syncing is done before,
// without the lock. Under the lock remain one sync of the log's header and the copy of a few pages that
// writers added meanwhile.
class Checkpointer {
 public:
  // The log is emptied when no commit was made for `quiet`, or when it has `max_pages` pages.
  struct Limits {
    int max_pages = 16384;  // 64 MiB: about a thousand pods started and removed in a row
    std::chrono::milliseconds quiet{2000};
    uint64_t kept_bytes = 0;  // the log file is not truncated below this size
  };

  // `writers` is the lock that every other user of the database `path` holds; it must outlive the
  // checkpointer. Empties the log once before it returns.
  static Result<std::unique_ptr<Checkpointer>> Start(const std::string& path, Mutex& writers, Limits limits);
  // Does not empty the log.
  ~Checkpointer();

  // To be called after each commit with the size of the log. Makes a system call only for the first commit of
  // a burst and when the log is full.
  void Committed(int wal_pages);

  // Empties the log and waits for the result. For a writer that has no room left in the log; call it without
  // the writers' lock.
  Result<> EmptyNow() EXCLUDES(mutex_);

  // Replaces Limits::kept_bytes. Any thread.
  void KeepLogBytes(uint64_t bytes) { kept_bytes_ = bytes; }

  // The result of the last attempt to empty the log. A failed attempt is repeated, with pauses that grow from
  // half a second to 10 s, until one succeeds.
  Result<> State() const;

 private:
  Checkpointer(sqlite::Connection connection, Mutex& writers, Limits limits)
      : writers_(writers),
        limits_(limits),
        connection_(std::move(connection)),
        kept_bytes_(limits.kept_bytes),
        retry_(std::chrono::milliseconds(500), std::chrono::seconds(10)) {}

  using TimePoint = std::chrono::steady_clock::time_point;

  void Run();
  // Waits for work. Sets `serving` to the number of EmptyNow calls that the next attempt serves. False if the
  // thread is to end.
  bool AwaitWork(uint64_t& serving) EXCLUDES(mutex_);
  // When the next attempt begins, if no EmptyNow call asks for an earlier one.
  TimePoint NextAttempt() const REQUIRES(mutex_);
  void Note(Result<> outcome) REQUIRES(mutex_);
  Result<> EmptyLog();
  Result<> CopyMostOfLog();
  Result<> BeginNewLog() REQUIRES(writers_);

  Mutex& writers_;
  const Limits limits_;
  sqlite::Connection connection_;  // used only by the thread, once it runs

  std::atomic<uint64_t> kept_bytes_;

  mutable Mutex mutex_;  // locked after writers_, never before it
  CondVar changed_;
  CondVar emptied_;
  int log_pages_ GUARDED_BY(mutex_) = 0;    // pages of the log after the last commit
  bool due_ GUARDED_BY(mutex_) = false;     // a commit since the last attempt began, or that one failed
  uint64_t asked_ GUARDED_BY(mutex_) = 0;   // number of EmptyNow calls
  uint64_t served_ GUARDED_BY(mutex_) = 0;  // number of EmptyNow calls that were served
  TimePoint last_commit_ GUARDED_BY(mutex_);
  std::optional<TimePoint> retry_at_ GUARDED_BY(mutex_);  // set if the last attempt failed
  Backoff retry_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  Result<> state_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace davit::cri
