// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A thread that empties the write-ahead log, so that no writer ever waits for the disk on its behalf.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cri/records/sqlite.h"

namespace davit {

// Left alone, SQLite has writers do two slow things: the checkpoint itself, and after one the fsync of the
// log's new header, which the next writer meets. wal_autocheckpoint=0 stops the first. For the second, this
// thread never leaves behind a log that is copied out completely but not begun anew: it empties the log and
// writes the first transaction of the next one by itself, under the writers' lock. The copying and its syncs
// have happened before, without the lock: what is left for it is one sync of the log's header, and a few
// pages when writers went on meanwhile.
class Checkpointer {
 public:
  // The log is emptied when writers have been quiet for `quiet`, or when it has `max_pages` pages.
  struct Limits {
    int max_pages = 16384;  // 64 MiB: about a thousand pods started and removed without a pause
    std::chrono::milliseconds quiet{2000};
    uint64_t kept_bytes = 0;  // the log's file is not made shorter
  };

  // `writers` is the lock that every other user of the database `path` holds; it outlives the checkpointer.
  // The log has been begun anew when this returns.
  static Result<std::unique_ptr<Checkpointer>> Start(const std::string& path, Mutex& writers, Limits limits);
  // Leaves the log as it is.
  ~Checkpointer();

  // To be called after each commit with the size of the log. Costs no system call but for the first of a
  // burst.
  void Committed(int wal_pages);

  // Empties the log and returns when that is done or has failed. For a writer that has no room left in it,
  // without the writers' lock.
  Result<> EmptyNow() EXCLUDES(mutex_);

  // Replaces Limits::kept_bytes. Any thread.
  void KeepLogBytes(uint64_t bytes) { kept_bytes_ = bytes; }

  // The failure of the last attempt. The next is made after the next commit.
  Result<> State() const;

 private:
  Checkpointer(sqlite::Connection connection, Mutex& writers, Limits limits)
      : writers_(writers),
        limits_(limits),
        connection_(std::move(connection)),
        kept_bytes_(limits.kept_bytes) {}

  void Run();
  // Waits until there is work, for `serving` calls of EmptyNow or for none; false when it is time to end.
  bool AwaitWork(uint64_t& serving) EXCLUDES(mutex_);
  Result<> EmptyLog();
  Result<> CopyMostOfLog();
  Result<> BeginNewLog() REQUIRES(writers_);

  Mutex& writers_;
  const Limits limits_;
  sqlite::Connection connection_;  // the thread's own, once it runs

  std::atomic<uint64_t> kept_bytes_;

  mutable Mutex mutex_;  // taken with writers_ held, never the other way round
  CondVar changed_;
  CondVar emptied_;
  int log_pages_ GUARDED_BY(mutex_) = 0;    // of the log as of the last commit
  bool due_ GUARDED_BY(mutex_) = false;     // something was committed since the last attempt began
  uint64_t asked_ GUARDED_BY(mutex_) = 0;   // calls of EmptyNow
  uint64_t served_ GUARDED_BY(mutex_) = 0;  // of them, those whose attempt has been made
  std::chrono::steady_clock::time_point last_commit_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  Result<> state_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace davit
