// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much of a disk a directory tree takes.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

struct DiskUsage {
  uint64_t bytes =
      0;  // allocated, as du(1) counts them: holes are free, a file with several links counts once
  uint64_t inodes = 0;  // directories, symlinks and devices included

  DiskUsage& operator+=(const DiskUsage& other) {
    bytes += other.bytes;
    inodes += other.inodes;
    return *this;
  }
  bool operator==(const DiskUsage&) const = default;
};

// Measures the tree of `directory` (O_RDONLY), itself included. Stays inside its mount and follows no
// symlink. What comes, goes or moves during the walk is counted or not; it is never an error. `name` goes
// into errors. kCancelled when `stop` turned true meanwhile.
Result<DiskUsage> MeasureTree(UniqueFd directory, std::string_view name,
                              const std::atomic<bool>* stop = nullptr);

}  // namespace davit
