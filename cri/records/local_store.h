// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port through which local containers (local/) are written and read.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/records/record_writer.h"

namespace davit::cri {

struct LocalRow {
  std::string id;
  std::string blob;       // what changes; opaque here, like the next
  std::string spec = {};  // what does not

  bool operator==(const LocalRow&) const = default;
};

// Thread-safe. A container has two rows: one that is written once, and one that is written at each change. A
// put replaces the row with the same id; deleting a row that does not exist succeeds.
class LocalStore {
 public:
  virtual ~LocalStore() = default;

  // Writes both rows.
  virtual Result<> AddLocal(LocalRow row) = 0;
  // Writes what changes; `row.spec` is ignored. kFailedPrecondition unless AddLocal was called before. Does
  // not wait: as PodStore::QueueContainer.
  virtual PendingWrite QueueLocal(LocalRow row, RecordWriter::OnWritten on_written) = 0;
  // Both rows, at once.
  virtual Result<> DeleteLocal(const std::string& id) = 0;
  // What was written or deleted before this call survives a crash of the host (fdatasync(2)). Blocks.
  virtual Result<> MakeDurable() const = 0;
  virtual Result<std::vector<LocalRow>> Locals() const = 0;
};

// Thread-safe. The networks that people have made; a row's `spec` is empty.
class NetworkStore {
 public:
  virtual ~NetworkStore() = default;

  // Replaces the row with the same id.
  virtual Result<> PutNetwork(LocalRow row) = 0;
  virtual Result<> DeleteNetwork(const std::string& id) = 0;  // succeeds if there is none
  virtual Result<std::vector<LocalRow>> Networks() const = 0;
};

}  // namespace davit::cri
