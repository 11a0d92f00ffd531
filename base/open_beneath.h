// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Path resolution below a directory with untrusted content (openat2(2)).
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

enum class Resolve {
  // Absolute paths and symlinks are resolved as if `dir_fd` were the root directory, as after chroot(2).
  // Magic links are ELOOP.
  kInRoot,
  // EXDEV if a path or symlink leaves `dir_fd`, even temporarily. Magic links are ELOOP.
  kBeneath,
  // As kBeneath, and also refuses all symlinks (ELOOP) and mount points (EXDEV) on the way: for procfs and
  // for directories of our own.
  kStrict,
};

// openat2(2) with O_CLOEXEC added. EAGAIN, caused by concurrent renames, is retried a bounded number of
// times.
Result<UniqueFd> OpenBeneath(int dir_fd, const std::string& path, Resolve resolve, int flags,
                             mode_t mode = 0);

}  // namespace davit
