// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the daemon remembers: sandboxes, containers, images and settings, in one SQLite database
// (https://sqlite.org/wal.html).
//
// No call for a sandbox or a container waits for a disk. WAL with synchronous=NORMAL loses nothing when the
// daemon dies, but a power cut may take the last transactions back, always a suffix of them; the host's pods
// are gone then as well. Images outlive a power cut, so their calls, and theirs alone, return when the disk
// has the transaction.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/records/checkpointer.h"
#include "cri/records/pod_store.h"
#include "cri/records/record_writer.h"
#include "cri/records/room.h"
#include "cri/records/row_change.h"
#include "cri/records/row_statements.h"
#include "cri/records/sqlite.h"

namespace davit {

struct ImageRow {
  std::string id;
  std::string blob;

  bool operator==(const ImageRow&) const = default;
};

// Thread-safe. Every Put replaces the row with the same id; every Delete of what does not exist is a success.
// Lists come in no particular order. Changes are committed in the order of their calls (record_writer.h).
//
// On a full disk new rows are kResourceExhausted; rows that exist can be changed and deleted (room.h).
// Nothing of a transaction that failed stays, and later ones succeed when there is room.
class Records final : public PodStore, private RowStore {
 public:
  // Opens or makes the database `path` (mode 0600: environments of containers are in it) in an existing
  // directory, and brings an older schema up to date. A damaged database is kDataLoss with what to do about
  // it, a newer schema kFailedPrecondition: neither is ever replaced by an empty one, for that would orphan
  // every running pod. One process at a time uses a database; its caller sees to that.
  static Result<std::unique_ptr<Records>> Open(const std::string& path);
  // Writes what is queued, with its callbacks.
  ~Records() override;

  Result<> PutSandbox(const SandboxRow& row) override;
  // Its containers go with it, in one transaction.
  Result<> DeleteSandbox(const std::string& id) override;
  Result<std::vector<SandboxRow>> Sandboxes() const override;

  // kFailedPrecondition when its sandbox has no row.
  Result<> PutContainer(const ContainerRow& row) override;
  Result<> DeleteContainer(const std::string& id) override;
  Result<std::vector<ContainerRow>> Containers() const override;

  PendingWrite QueueSandbox(SandboxRow row, OnWritten on_written) override;
  PendingWrite QueueContainer(ContainerRow row, OnWritten on_written) override;
  void Flush() override { writer_->Flush(); }

  // On disk when they return. Other calls go on during the wait. After an error the row may be there or not:
  // the caller repeats the call or deletes the row.
  Result<> PutImageDurably(const ImageRow& row);
  Result<> DeleteImageDurably(const std::string& id);
  Result<std::vector<ImageRow>> Images() const;

  // What clients have set and the daemon keeps over a restart; "" for what nobody has set.
  Result<> PutSetting(const std::string& name, const std::string& value);
  Result<std::string> Setting(const std::string& name) const;

  // Why the last checkpoint in the background failed, if it did: the log grows until one succeeds.
  Result<> CheckpointState() const { return checkpointer_->State(); }

 private:
  explicit Records(std::string path) : path_(std::move(path)) {}
  Result<> Start();
  Result<> Configure() REQUIRES(mutex_);
  Result<> MakeDurable() const;
  Result<> Put(RowChange change) { return writer_->Queue(std::move(change)).Wait(); }

  Result<> Write(std::span<const RowChange> changes) override EXCLUDES(mutex_);
  Result<> Commit(std::span<const RowChange> changes) EXCLUDES(mutex_);
  Result<> Admit(const RowChange& change) EXCLUDES(mutex_);

  const std::string path_;
  mutable Mutex mutex_;
  std::optional<Room> room_ GUARDED_BY(mutex_);  // its files are closed after the connections
  int log_fd_ = -1;                              // the room's
  sqlite::Connection connection_ GUARDED_BY(mutex_);
  RowStatements statements_ GUARDED_BY(mutex_);  // after the connection: they go first
  uint64_t used_ GUARDED_BY(mutex_) = 0;         // bytes of the database, at most
  uint64_t largest_ GUARDED_BY(mutex_) = 0;      // bytes of the largest row that may be there
  std::unique_ptr<Checkpointer> checkpointer_;   // its thread goes before everything that it uses
  std::unique_ptr<RecordWriter> writer_;         // and the last changes before that
};

}  // namespace davit
