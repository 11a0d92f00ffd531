// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A record of all that a layer's tree consists of, and the comparison of the tree with it. It finds what a
// power cut or a failing disk has damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "snapshotter/disk_usage.h"

namespace davit::snapshotter {

// Writes the inventory of `tree` (O_RDONLY) to the empty file `file_fd`, in one walk that also measures the
// tree. A file whose checksum is not among `checksums` is recorded without its content. Where an inode
// occurs twice, the last checksum counts. `name` appears in errors. Nothing may change the tree meanwhile.
// kCancelled once `wanted`, which is called often, returns false.
Result<DiskUsage> TakeInventory(UniqueFd tree, int file_fd, std::vector<FileChecksum> checksums,
                                const std::string& name, const std::function<bool()>& wanted);

enum class CheckDepth : uint8_t {
  kEntries,   // names, types, owners, modes, sizes, times, targets of symlinks, extended attributes
  kContents,  // and the content of the files that were recorded with a checksum
};

struct LayerCheck {
  static constexpr size_t kMostExamples = 10;

  uint64_t entries = 0;               // that were compared
  uint64_t bytes = 0;                 // of content that were read
  uint64_t problems = 0;              // 0: the tree is as it was recorded
  std::vector<std::string> examples;  // the first problems: "usr/bin/sh: has 0 bytes instead of 12"
};

// Compares the tree with the inventory. Files that cannot be read count as problems. kDataLoss if the
// inventory itself is damaged; kCancelled once `wanted`, which is called often, returns false.
Result<LayerCheck> CheckInventory(int tree_fd, int file_fd, CheckDepth depth,
                                  const std::function<bool()>& wanted);

}  // namespace davit::snapshotter
