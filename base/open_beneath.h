// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Path resolution below a directory that somebody else may have filled (openat2(2)).
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

enum class Resolve {
  // Absolute paths and symlinks are taken as if `dir_fd` were the root directory: what a chrooted process
  // would see.
  kInRoot,
  // A path or symlink that leaves `dir_fd`, even for a moment, is EXDEV. Magic links are ELOOP.
  kBeneath,
  // As kBeneath, and no symlink and no mount point on the way at all: for procfs and for directories of our
  // own.
  kStrict,
};

// openat2 with O_CLOEXEC added; races with concurrent renames (EAGAIN) are retried a bounded number of times.
Result<UniqueFd> OpenBeneath(int dir_fd, const std::string& path, Resolve resolve, int flags,
                             mode_t mode = 0);

// Makes every missing directory of `path` inside the root `dir_fd` (mode 0755) and opens the last one as
// O_PATH. Existing symlinks resolve as in kInRoot; a non-directory on the way is ENOTDIR.
Result<UniqueFd> MakeDirsInRoot(int dir_fd, const std::string& path);

}  // namespace davit
