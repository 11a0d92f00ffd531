// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/checkpointer.h"

#include <system_error>

#include "base/guarded.h"
#include "cri/records/schema.h"

namespace davit::cri {
namespace {

constexpr int kRounds = 3;
constexpr int kFewPages = 64;

}  // namespace

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
  bool wake = !due_ || wal_pages >= limits_.max_pages;
  log_pages_ = wal_pages;
  due_ = true;
  last_commit_ = std::chrono::steady_clock::now();
  if (wake) changed_.NotifyOne();
}

Result<> Checkpointer::State() const {
  MutexLock lock(mutex_);
  return state_;
}

Result<> Checkpointer::EmptyNow() {
  MutexLock lock(mutex_);
  uint64_t ours = ++asked_;
  changed_.NotifyOne();
  while (served_ < ours) emptied_.Wait(mutex_);
  return state_;
}

void Checkpointer::Run() {
  uint64_t serving = 0;
  while (AwaitWork(serving)) {
    Result<> outcome = Guarded("empty log of", "records", [this] { return EmptyLog(); });
    MutexLock lock(mutex_);
    Note(std::move(outcome));
    served_ = serving;
    emptied_.NotifyAll();
  }
}

bool Checkpointer::AwaitWork(uint64_t& serving) {
  MutexLock lock(mutex_);
  while (!ending_) {
    bool asked = asked_ > served_;
    if (!due_ && !asked) {
      changed_.Wait(mutex_);
    } else if (TimePoint next = NextAttempt(); !asked && std::chrono::steady_clock::now() < next) {
      changed_.WaitUntil(mutex_, next);
    } else {
      serving = asked_;
      due_ = false;
      return true;
    }
  }
  return false;
}

Checkpointer::TimePoint Checkpointer::NextAttempt() const {
  if (retry_at_) return *retry_at_;
  return log_pages_ < limits_.max_pages ? last_commit_ + limits_.quiet : last_commit_;
}

void Checkpointer::Note(Result<> outcome) {
  state_ = std::move(outcome);
  retry_at_.reset();
  if (state_) return retry_.Reset();
  retry_at_ = std::chrono::steady_clock::now() + retry_.Next();
  due_ = true;
}

Result<> Checkpointer::EmptyLog() {
  TRY(CopyMostOfLog());
  MutexLock lock(writers_);
  return BeginNewLog();
}

// Writers go on during the copy, and what they add has to be copied under their lock unless another round
// does it before. Each round takes less time than the one before it, and leaves less.
Result<> Checkpointer::CopyMostOfLog() {
  for (int round = 0; round < kRounds; ++round) {
    int copied = TRY(connection_.Checkpoint(SQLITE_CHECKPOINT_PASSIVE));
    MutexLock lock(mutex_);
    if (log_pages_ - copied <= kFewPages) break;
  }
  return {};
}

Result<> Checkpointer::BeginNewLog() {
  TRY(connection_.Checkpoint(SQLITE_CHECKPOINT_RESTART));
  {
    // Everything committed up to here has been copied.
    MutexLock lock(mutex_);
    log_pages_ = 0;
    due_ = false;
  }
  // The limit is applied when a log begins anew, the only moment at which its end holds nothing of use.
  TRY(connection_.Execute("PRAGMA journal_size_limit = " + std::to_string(kept_bytes_)));
  // Changes nothing, but writes a page all the same, and the log's header before it.
  return connection_.Execute("PRAGMA user_version = " + std::to_string(SchemaVersion()));
}

}  // namespace davit::cri
