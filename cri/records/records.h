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
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/records/checkpointer.h"
#include "cri/records/pod_store.h"
#include "cri/records/sqlite.h"

namespace davit {

struct ImageRow {
  std::string id;
  std::string blob;

  bool operator==(const ImageRow&) const = default;
};

// Thread-safe. Every Put replaces the row with the same id; every Delete of what does not exist is a success.
// Lists come in no particular order.
//
// A full disk is kResourceExhausted: nothing of the transaction stays, and later ones succeed when there is
// room.
class Records final : public PodStore {
 public:
  // Opens or makes the database `path` (mode 0600: environments of containers are in it) in an existing
  // directory, and brings an older schema up to date. A damaged database is kDataLoss with what to do about
  // it, a newer schema kFailedPrecondition: neither is ever replaced by an empty one, for that would orphan
  // every running pod. One process at a time uses a database; its caller sees to that.
  static Result<std::unique_ptr<Records>> Open(const std::string& path);

  Result<> PutSandbox(const SandboxRow& row) override;
  // Its containers go with it, in one transaction.
  Result<> DeleteSandbox(const std::string& id) override;
  Result<std::vector<SandboxRow>> Sandboxes() const override;

  // kFailedPrecondition when its sandbox has no row.
  Result<> PutContainer(const ContainerRow& row) override;
  Result<> DeleteContainer(const std::string& id) override;
  Result<std::vector<ContainerRow>> Containers() const override;

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
  struct Statements {
    sqlite::Statement put_sandbox;
    sqlite::Statement delete_sandbox;
    sqlite::Statement put_container;
    sqlite::Statement delete_container;
    sqlite::Statement put_image;
    sqlite::Statement delete_image;
    sqlite::Statement put_setting;
  };

  explicit Records(std::string path) : path_(std::move(path)) {}
  Result<> Start();
  Result<> Prepare() REQUIRES(mutex_);
  Result<> MakeDurable() const;

  const std::string path_;
  UniqueFd wal_;
  mutable Mutex mutex_;
  sqlite::Connection connection_ GUARDED_BY(mutex_);
  Statements statements_ GUARDED_BY(mutex_);    // after the connection: they go first
  std::unique_ptr<Checkpointer> checkpointer_;  // its thread goes before everything that it uses
};

}  // namespace davit
