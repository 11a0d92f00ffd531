// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The queue of changes before the database: one thread at a time commits queued changes, in groups.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cri/records/row_change.h"

namespace davit::cri {

class RecordWriter;

// A change in the queue.
class [[nodiscard]] PendingWrite {
 public:
  // A change that was written, or failed, immediately. The caller of the queue has to call its callback.
  explicit PendingWrite(Result<> outcome) : outcome_(std::move(outcome)) {}

  // Waits until the change is committed or has failed. Call it once: a change without a callback may stay in
  // the queue until then.
  Result<> Wait();

  // The outcome of an immediate write; null for a queued one.
  const Result<>* at_once() const { return writer_ == nullptr ? &outcome_ : nullptr; }

 private:
  friend class RecordWriter;
  struct State {
    bool done = false;  // this and `outcome` are guarded by the writer's lock
    Result<> outcome;
    std::function<void(const Result<>&)> on_written;
  };
  PendingWrite(RecordWriter& writer, std::shared_ptr<State> state)
      : writer_(&writer), state_(std::move(state)) {}

  RecordWriter* writer_ = nullptr;
  std::shared_ptr<State> state_;
  Result<> outcome_;
};

// Thread-safe. Changes are committed in the order in which they are queued, with one exception: a change
// replaces an earlier, still queued change of the same row, and both get the same outcome. The row in the
// database is always the newest value that was queued before the commit.
//
// A thread that waits for its change writes it itself, together with other queued changes, unless another
// thread is writing. Changes that no thread waits for are written by the writer's own thread.
class RecordWriter {
 public:
  // Called on the writer's own thread, in the order of the commits.
  using OnWritten = std::function<void(const Result<>&)>;

  // `store` must outlive the writer.
  static Result<std::unique_ptr<RecordWriter>> Start(RowStore& store);
  // Writes all queued changes and calls their callbacks.
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // Never waits for the database. Without a callback, the caller has to call Wait on the returned object.
  PendingWrite Queue(RowChange change, OnWritten on_written = nullptr) EXCLUDES(mutex_);

  // Waits until everything queued so far is written and its callbacks have returned. Not to be called from a
  // callback.
  void Flush() EXCLUDES(mutex_);

 private:
  friend class PendingWrite;
  using Waiting = std::vector<std::shared_ptr<PendingWrite::State>>;
  struct Entry {
    RowChange change;
    Waiting waiting;  // for this change and the ones that it replaced
  };
  using Entries = std::list<Entry>;
  using Key = std::pair<Table, std::string>;

  explicit RecordWriter(RowStore& store) : store_(store) {}
  Result<> Wait(const std::shared_ptr<PendingWrite::State>& state) EXCLUDES(mutex_);
  void Append(Entry entry) REQUIRES(mutex_);
  // Removes the entry from the queue and returns its waiters.
  Waiting Drop(Entries::iterator entry) REQUIRES(mutex_);
  Entries TakeGroup() REQUIRES(mutex_);
  // Releases the lock during the write.
  void WriteGroup() REQUIRES(mutex_);
  void Settle(const Waiting& waiting, const Result<>& outcome) REQUIRES(mutex_);
  void MakeCallbacks() REQUIRES(mutex_);
  void Run() EXCLUDES(mutex_);

  RowStore& store_;
  Mutex mutex_;
  CondVar work_;     // for the writer's own thread
  CondVar written_;  // a group was written, or a callback has returned
  Entries queue_ GUARDED_BY(mutex_);
  std::map<Key, Entries::iterator> newest_ GUARDED_BY(mutex_);  // the last entry of each row in the queue
  std::list<std::shared_ptr<PendingWrite::State>> called_back_ GUARDED_BY(mutex_);  // their callbacks are due
  bool writing_ GUARDED_BY(mutex_) = false;
  bool calling_back_ GUARDED_BY(mutex_) = false;
  bool unattended_ GUARDED_BY(mutex_) = false;  // the queue has changes that no thread waits for
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::cri
