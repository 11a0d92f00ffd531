// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sums up the disk usage of a tree while somebody walks it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <set>
#include <tuple>

#include "snapshotter/disk_usage.h"

namespace davit::snapshotter {

class UsageCounter {
 public:
  // `stat` describes an entry with STATX_BASIC_STATS. A file with several names counts once.
  void Count(const struct statx& stat) {
    bool shared = stat.stx_nlink > 1 && !S_ISDIR(stat.stx_mode);
    if (shared && !counted_.emplace(stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino).second) return;
    usage_.bytes += stat.stx_blocks * 512;
    usage_.inodes += 1;
  }
  const DiskUsage& Sum() const { return usage_; }

 private:
  DiskUsage usage_;
  std::set<std::tuple<uint32_t, uint32_t, uint64_t>> counted_;  // inodes with several names
};

}  // namespace davit::snapshotter
