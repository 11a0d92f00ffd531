// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Leaves free space to the node: a layer must not fill the filesystem that pods, logs and the daemon's
// database use as well. For the unpacker, and for what the daemon adds to a layer.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace davit::images {

// Asks the filesystem for its free space again each time that half of it, or 64 MiB, may have been used:
// other layers are unpacked at the same time. Not thread-safe.
class SpaceReserve {
 public:
  // `root_fd`, any file on the filesystem, must outlive the object.
  explicit SpaceReserve(int root_fd) : root_fd_(root_fd) {}

  // To be called before so many bytes and new files are written. kResourceExhausted if less than the reserve
  // is free: 2 % of the filesystem, at most 1 GiB, and 1 % of its inodes, at most 10,000. It has the errno of
  // a full disk, ENOSPC.
  Result<> Use(uint64_t bytes, uint64_t files);

 private:
  Result<> Measure();

  const int root_fd_;
  uint64_t bytes_left_ = 0;  // until the next measurement
  uint64_t files_left_ = 0;
};

}  // namespace davit::images
