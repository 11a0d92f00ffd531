// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's persistent state: sandboxes, containers, images and settings, in one SQLite database
// (https://sqlite.org/wal.html).
//
// Calls for sandboxes and containers do not wait for the disk, unless it is full. WAL with synchronous=NORMAL
// loses nothing if the daemon dies, but a power failure may lose the last transactions, always a suffix of
// them; the host's pods are gone then as well. Images and volumes survive a power failure, so calls for them,
// and only these, wait until the transaction is on disk.
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
#include "cri/records/local_store.h"
#include "cri/records/pod_store.h"
#include "cri/records/record_writer.h"
#include "cri/records/room.h"
#include "cri/records/row_change.h"
#include "cri/records/row_statements.h"
#include "cri/records/sqlite.h"
#include "cri/records/volume_store.h"

namespace davit::cri {

struct ImageRow {
  std::string id;
  std::string blob;

  bool operator==(const ImageRow&) const = default;
};

// Thread-safe. Every Put replaces the row with the same id; deleting a row that does not exist succeeds.
// Lists have no particular order. Changes are committed in the order of the calls (record_writer.h).
//
// On a full disk, adding a row is kResourceExhausted; existing rows can still be changed and deleted
// (room.h). A failed transaction leaves no trace, and later ones succeed when there is space again.
class Records final : public PodStore,
                      public LocalStore,
                      public VolumeStore,
                      public NetworkStore,
                      private RowStore {
 public:
  // Opens or creates the database `path` (mode 0600, because it contains the environments of containers) in
  // an existing directory, and migrates an older schema. A damaged database is kDataLoss with recovery
  // advice, a newer schema kFailedPrecondition: it is never replaced by an empty database, which would orphan
  // all running pods. The caller ensures that only one process at a time uses the database.
  static Result<std::unique_ptr<Records>> Open(const std::string& path);
  // Writes all queued changes and calls their callbacks.
  ~Records() override;

  Result<> PutSandbox(const SandboxRow& row) override;
  // Also deletes the rows of its containers, in the same transaction.
  Result<> DeleteSandbox(const std::string& id) override;
  Result<std::vector<SandboxRow>> Sandboxes() const override;

  // kFailedPrecondition if its sandbox has no row.
  Result<> PutContainer(const ContainerRow& row) override;
  Result<> DeleteContainer(const std::string& id) override;
  Result<std::vector<ContainerRow>> Containers() const override;

  Result<> AddLocal(LocalRow row) override;
  PendingWrite QueueLocal(LocalRow row, RecordWriter::OnWritten on_written) override;
  Result<> DeleteLocal(const std::string& id) override;
  Result<std::vector<LocalRow>> Locals() const override;

  Result<> PutVolumeDurably(const VolumeRow& row) override;
  Result<> DeleteVolume(const std::string& name) override;
  Result<std::vector<VolumeRow>> VolumeRows() const override;

  Result<> PutNetwork(LocalRow row) override;
  Result<> DeleteNetwork(const std::string& id) override;
  Result<std::vector<LocalRow>> Networks() const override;

  PendingWrite QueueSandbox(SandboxRow row, OnWritten on_written) override;
  PendingWrite QueueContainer(ContainerRow row, OnWritten on_written) override;
  void Flush() override { writer_->Flush(); }

  // The change is on disk when these return. They do not block other calls while they wait. After an error
  // the row may exist or not: the caller has to repeat the call or delete the row.
  Result<> PutImageDurably(const ImageRow& row);
  Result<> DeleteImageDurably(const std::string& id);
  Result<std::vector<ImageRow>> Images() const;
  // For a caller that reads one row at a time: the rows contain documents of up to some MiB.
  Result<std::vector<std::string>> ImageIds() const;
  Result<std::optional<ImageRow>> Image(const std::string& id) const;

  // Settings by clients that persist over a restart; "" for a setting that was never set.
  Result<> PutSetting(const std::string& name, const std::string& value);
  Result<std::string> Setting(const std::string& name) const;

  // The error of the last background checkpoint, if it failed: the log grows until one succeeds.
  Result<> CheckpointState() const { return checkpointer_->State(); }

 private:
  explicit Records(std::string path) : path_(std::move(path)) {}
  Result<> Start();
  Result<> Configure() REQUIRES(mutex_);
  Result<> MakeDurable() const override;
  // `make` turns a row of the query into an item.
  template <typename Make>
  auto ReadAll(const char* sql, Make make) const EXCLUDES(mutex_);
  Result<> Put(RowChange change) { return writer_->Queue(std::move(change)).Wait(); }

  Result<> Write(std::span<const RowChange> changes) override EXCLUDES(mutex_);
  Result<> Commit(std::span<const RowChange> changes) EXCLUDES(mutex_);
  Result<> Admit(const RowChange& change) EXCLUDES(mutex_);

  const std::string path_;
  mutable Mutex mutex_;
  std::optional<Room> room_ GUARDED_BY(mutex_);  // closed after the connections (room.h)
  int log_fd_ = -1;                              // owned by room_
  sqlite::Connection connection_ GUARDED_BY(mutex_);
  RowStatements statements_ GUARDED_BY(mutex_);  // declared after the connection: destroyed before it
  uint64_t used_ GUARDED_BY(mutex_) = 0;         // upper bound of the database's size in bytes
  uint64_t largest_ GUARDED_BY(mutex_) = 0;      // upper bound of a row in bytes, of an image excepted
  std::unique_ptr<Checkpointer> checkpointer_;   // its thread ends before the members that it uses
  std::unique_ptr<RecordWriter> writer_;         // destroyed first: writes the last changes
};

}  // namespace davit::cri
