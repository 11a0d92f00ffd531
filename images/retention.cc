// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/retention.h"

#include <sys/vfs.h>

namespace davit::images {

bool HasRoom(int root_fd, int64_t bytes, const Retention& retention) {
  struct statfs status;
  if (fstatfs(root_fd, &status) < 0) return false;
  double block = static_cast<double>(status.f_bsize);
  double free = static_cast<double>(status.f_bavail) * block - static_cast<double>(bytes);
  return free >= static_cast<double>(status.f_blocks) * block * retention.min_free_percent / 100;
}

}  // namespace davit::images
