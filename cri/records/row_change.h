// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One change of the database, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"

namespace davit::cri {

enum class Table : uint8_t {
  kSandboxes,
  kContainers,
  kImages,
  kSettings,
  kLocalSpecs,
  kLocalContainers,
  kLocalVolumes,
  kLocalNetworks
};

// Puts a row, replacing the one with the same id, or deletes it.
struct RowChange {
  Table table = Table::kSandboxes;
  std::string id;
  std::string sandbox_id;           // of a container's row; empty in other tables
  std::optional<std::string> blob;  // absent: delete the row
  std::string owner = {};           // of a sandbox's new row; empty in other tables

  bool operator==(const RowChange&) const = default;
};

// The destination of row changes.
class RowStore {
 public:
  virtual ~RowStore() = default;
  // Writes all of `changes` in order, or none, in one transaction. Called by one thread at a time.
  virtual Result<> Write(std::span<const RowChange> changes) = 0;
};

}  // namespace davit::cri
