// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The file of an inventory: items, each after its length in bytes (32 bits, little-endian).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/checksum.h"
#include "base/error.h"
#include "snapshotter/inventory_item.h"

namespace davit::snapshotter {

// Holds little of the file in memory, however large it is. Not durable. Not thread-safe.
class InventoryWriter {
 public:
  // `fd` is an empty file and outlives the writer.
  explicit InventoryWriter(int fd) : fd_(fd) {}

  Result<> Add(const InventoryItem& item);
  // Adds kEnd. Without it the file does not count as an inventory.
  Result<> Finish();

 private:
  Result<> Flush();

  int fd_;
  std::string buffer_;
  Checksum checksum_;  // of all items so far
};

// Holds little of the file in memory, however large it is. Not thread-safe.
class InventoryReader {
 public:
  // `fd` is at the first byte and outlives the reader.
  explicit InventoryReader(int fd) : fd_(fd) {}

  // The next item; kEnd after the last one, once the checksum was found right. kDataLoss if the file is
  // damaged or ends early.
  Result<InventoryItem> Next();

 private:
  Result<std::string_view> Take(size_t size);
  Result<> Fill(size_t size);

  int fd_;
  std::string buffer_;
  size_t position_ = 0;  // in buffer_
  Checksum checksum_;    // of the items so far
};

}  // namespace davit::snapshotter
