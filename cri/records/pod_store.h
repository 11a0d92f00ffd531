// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port through which the daemon's verbs read and write the rows of sandboxes and containers.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/records/record_writer.h"

namespace davit::cri {

// Blobs are opaque here: the daemon serialises its structs.
struct SandboxRow {
  std::string id;
  std::string blob;
  // Whose it is, in words that need no blob: "" the CRI's, "local/ID" that of a local container. Written with
  // the row's first put; later ones leave it.
  std::string owner = {};

  bool operator==(const SandboxRow&) const = default;
};

struct ContainerRow {
  std::string id;
  std::string sandbox_id;
  std::string blob;

  bool operator==(const ContainerRow&) const = default;
};

// Thread-safe. Every Put replaces the row with the same id; deleting a row that does not exist succeeds.
class PodStore {
 public:
  virtual ~PodStore() = default;

  using OnWritten = RecordWriter::OnWritten;

  virtual Result<> PutSandbox(const SandboxRow& row) = 0;
  // Also deletes the rows of its containers, in the same transaction.
  virtual Result<> DeleteSandbox(const std::string& id) = 0;
  virtual Result<std::vector<SandboxRow>> Sandboxes() const = 0;

  // kFailedPrecondition if its sandbox has no row.
  virtual Result<> PutContainer(const ContainerRow& row) = 0;
  virtual Result<> DeleteContainer(const std::string& id) = 0;
  virtual Result<std::vector<ContainerRow>> Containers() const = 0;

  // Like the Puts, without waiting: the caller waits for the returned object, or `on_written` is called on
  // the writer's thread (record_writer.h). Changes of all kinds are committed in the order of the calls.
  virtual PendingWrite QueueSandbox(SandboxRow row, OnWritten on_written) = 0;
  virtual PendingWrite QueueContainer(ContainerRow row, OnWritten on_written) = 0;
  // Waits until everything queued so far is written and its callbacks have returned. Call it before objects
  // that the callbacks use are destroyed.
  virtual void Flush() = 0;
};

}  // namespace davit::cri
