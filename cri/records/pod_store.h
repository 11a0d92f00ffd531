// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The rows of sandboxes and containers, as the daemon's verbs use them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/records/record_writer.h"

namespace davit {

// Blobs are opaque here: the daemon serialises its own structs.
struct SandboxRow {
  std::string id;
  std::string blob;

  bool operator==(const SandboxRow&) const = default;
};

struct ContainerRow {
  std::string id;
  std::string sandbox_id;
  std::string blob;

  bool operator==(const ContainerRow&) const = default;
};

// Thread-safe. Every Put replaces the row with the same id; every Delete of what does not exist is a success.
class PodStore {
 public:
  virtual ~PodStore() = default;

  using OnWritten = RecordWriter::OnWritten;

  virtual Result<> PutSandbox(const SandboxRow& row) = 0;
  // Its containers go with it, in one transaction.
  virtual Result<> DeleteSandbox(const std::string& id) = 0;
  virtual Result<std::vector<SandboxRow>> Sandboxes() const = 0;

  // kFailedPrecondition when its sandbox has no row.
  virtual Result<> PutContainer(const ContainerRow& row) = 0;
  virtual Result<> DeleteContainer(const std::string& id) = 0;
  virtual Result<std::vector<ContainerRow>> Containers() const = 0;

  // The same as the Puts, without waiting: the caller waits for what is returned, or is called back on the
  // writer's thread (record_writer.h). Changes of all kinds are committed in the order of their calls.
  virtual PendingWrite QueueSandbox(SandboxRow row, OnWritten on_written) = 0;
  virtual PendingWrite QueueContainer(ContainerRow row, OnWritten on_written) = 0;
  // Returns when everything queued so far is written and its callbacks have returned. To be called before
  // what the callbacks use goes.
  virtual void Flush() = 0;
};

}  // namespace davit
