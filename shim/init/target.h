// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Opens targets of mounts: files or directories inside a container's root, where an image may have placed
// malicious symlinks.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::shim {

enum class TargetKind { kDirectory, kFile };

// Opens `path` inside the root `root_fd` as O_PATH, following symlinks as a chrooted process would. Missing
// components are created: directories with mode 0755, the last one as an empty file if `kind` is kFile. For a
// dangling symlink, its target is created, inside the root.
Result<UniqueFd> OpenTarget(int root_fd, const std::string& path, TargetKind kind);

// As OpenTarget for a directory, but fails with ENOTDIR on a symlink anywhere in `path`: for /proc, /sys and
// /dev, which an image must not be able to redirect.
Result<UniqueFd> OpenRealDirectory(int root_fd, const std::string& path);

}  // namespace davit::shim
