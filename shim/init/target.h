// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where a mount goes: a file or directory inside a container's root, which an image may have filled with
// traps.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

enum class TargetKind { kDirectory, kFile };

// Opens `path` inside the root `root_fd` as O_PATH, following symlinks as a chrooted process would. What is
// missing is made: directories with mode 0755, the last component as an empty file when `kind` says so. A
// dangling symlink gets its target made, inside the root.
Result<UniqueFd> OpenTarget(int root_fd, const std::string& path, TargetKind kind);

// As OpenTarget for a directory, but a symlink anywhere on the way is ELOOP: for /proc, /sys and /dev, which
// an image must not be able to redirect.
Result<UniqueFd> OpenRealDirectory(int root_fd, const std::string& path);

}  // namespace davit
