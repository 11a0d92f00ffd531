// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Measures how much disk space a directory tree uses.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::snapshotter {

struct DiskUsage {
  uint64_t bytes =
      0;  // allocated, as du(1) counts: holes do not count, a file with several links counts once
  uint64_t inodes = 0;  // directories, symlinks and devices included

  DiskUsage& operator+=(const DiskUsage& other) {
    bytes += other.bytes;
    inodes += other.inodes;
    return *this;
  }
  bool operator==(const DiskUsage&) const = default;
};

// Measures the tree of `directory` (O_RDONLY), including the directory itself. Stays on its mount and follows
// no symlink. Files that are created, deleted or moved during the walk may or may not be counted; they never
// cause an error. `name` appears in errors. kCancelled if `stop` becomes true during the walk.
Result<DiskUsage> MeasureTree(UniqueFd directory, std::string_view name,
                              const std::atomic<bool>* stop = nullptr);

}  // namespace davit::snapshotter
