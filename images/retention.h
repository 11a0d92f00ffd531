// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the node keeps beside the layers of its images, and for how long.
#pragma once

#include <cstdint>

namespace davit::images {

struct Retention {
  // How long finished layers and partial blobs of a pull that did not end well stay for a retry, counted from
  // their last change. 0: nothing stays, and nothing is written for a retry.
  int64_t unfinished_ms = 0;
  // Keep the blobs of pulled layers after they were unpacked.
  bool blobs = false;
  // Nothing is kept that leaves less than this part of the filesystem free. 15 % is where the kubelet starts
  // to remove images and to evict pods, by default (--image-gc-high-threshold, imagefs.available).
  int min_free_percent = 15;
};

// Whether `min_free_percent` stay free on the filesystem of `root` after so many more bytes. False if it
// cannot be asked.
bool HasRoom(int root_fd, int64_t bytes, const Retention& retention);

}  // namespace davit::images
