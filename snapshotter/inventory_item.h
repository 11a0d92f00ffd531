// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One entry of a layer's tree, as its inventory records it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/codec.h"
#include "base/error.h"

namespace davit::snapshotter {

struct InventoryItem {
  enum class Kind : uint8_t {
    kEntry,  // a directory is followed by its entries and a kLeave
    kLeave,  // the end of a directory
    kEnd,    // the last item: `content` is the checksum of all bytes before it
  };

  Kind kind = Kind::kEntry;
  std::string name;  // "." is the layer's root, the first item
  uint32_t mode = 0;
  uint32_t user = 0;
  uint32_t group = 0;
  uint64_t size = 0;  // of a regular file
  int64_t changed_s = 0;
  uint32_t changed_ns = 0;
  uint64_t device = 0;      // of a device node
  uint64_t attributes = 0;  // checksum of the extended attributes; 0: none
  // The checksum of a file's content or of a symlink's target. Absent: unknown, or there is none.
  std::optional<uint64_t> content;

  auto Fields() {
    return FieldList(Field<1>(kind), Field<2>(name), Field<3>(mode), Field<4>(user), Field<5>(group),
                     Field<6>(size), Field<7>(changed_s), Field<8>(changed_ns), Field<9>(device),
                     Field<10>(attributes), Field<11>(content));
  }
};

constexpr InventoryItem::Kind LastOf(InventoryItem::Kind) {
  return InventoryItem::Kind::kEnd;
}

// Describes the entry `name` of `dir_fd`, of which `stat` has STATX_BASIC_STATS. The content of a regular
// file is not read. Security labels are not included: an administrator may change them.
Result<InventoryItem> DescribeEntry(int dir_fd, const std::string& name, const struct statx& stat);

// How the entry differs from what was recorded: "has 0 bytes instead of 12". Empty if it does not.
std::string Difference(const InventoryItem& recorded, const InventoryItem& found);

}  // namespace davit::snapshotter
