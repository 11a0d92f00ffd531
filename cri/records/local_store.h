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
  std::string blob;  // opaque here

  bool operator==(const LocalRow&) const = default;
};

// Thread-safe. A put replaces the row with the same id; deleting a row that does not exist succeeds.
class LocalStore {
 public:
  virtual ~LocalStore() = default;

  // Does not wait: as PodStore::QueueContainer.
  virtual PendingWrite QueueLocal(LocalRow row, RecordWriter::OnWritten on_written) = 0;
  virtual Result<> DeleteLocal(const std::string& id) = 0;
  virtual Result<std::vector<LocalRow>> Locals() const = 0;
};

}  // namespace davit::cri
