// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/checkpointer.h"

#include <system_error>

#include "cri/records/schema.h"

namespace davit {

Result<std::unique_ptr<Checkpointer>> Checkpointer::Start(const std::string& path, Mutex& writers,
                                                          Limits limits) {
  sqlite::Connection connection = TRY(sqlite::Connection::Open(path));
  // busy_timeout: nothing but a foreign reader (sqlite3 in somebody's terminal) can be in the way.
  TRY(connection.Execute(
      "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA busy_timeout = 100"));
  std::unique_ptr<Checkpointer> checkpointer(new Checkpointer(std::move(connection), writers, limits));
  TRY(checkpointer->EmptyLog());
  try {
    checkpointer->thread_ = std::thread(&Checkpointer::Run, checkpointer.get());
  } catch (const std::system_error& error) {
    return SystemError("start checkpoint thread", path, error.code().value());
  }
  return checkpointer;
}

Checkpointer::~Checkpointer() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::Committed(int wal_pages) {
  MutexLock lock(mutex_);
  // A thread that waits for quiet needs no wake: it looks at the clock again by itself.
  bool wake = wal_pages_ == 0 || wal_pages >= limits_.max_pages;
  wal_pages_ = wal_pages;
  last_commit_ = std::chrono::steady_clock::now();
  if (wake) changed_.NotifyOne();
}

Result<> Checkpointer::State() const {
  MutexLock lock(mutex_);
  return state_;
}

void Checkpointer::Run() {
  while (AwaitWork()) {
    Result<> outcome = EmptyLog();
    MutexLock lock(mutex_);
    state_ = std::move(outcome);
  }
}

bool Checkpointer::AwaitWork() {
  MutexLock lock(mutex_);
  while (!ending_) {
    if (wal_pages_ == 0) {
      changed_.Wait(mutex_);
    } else if (auto due = last_commit_ + limits_.quiet;
               wal_pages_ < limits_.max_pages && std::chrono::steady_clock::now() < due) {
      changed_.WaitUntil(mutex_, due);
    } else {
      wal_pages_ = 0;
      return true;
    }
  }
  return false;
}

Result<> Checkpointer::EmptyLog() {
  TRY(connection_.Checkpoint(SQLITE_CHECKPOINT_PASSIVE));
  MutexLock lock(writers_);
  return BeginNewLog();
}

Result<> Checkpointer::BeginNewLog() {
  TRY(connection_.Checkpoint(SQLITE_CHECKPOINT_TRUNCATE));
  {
    // Everything committed up to here has been copied.
    MutexLock lock(mutex_);
    wal_pages_ = 0;
  }
  // Changes nothing, but writes a page all the same, and the log's header before it.
  return connection_.Execute("PRAGMA user_version = " + std::to_string(SchemaVersion()));
}

}  // namespace davit
