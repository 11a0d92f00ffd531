// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Deletes a tree with untrusted content.
#pragma once

#include <atomic>
#include <string>

#include "base/error.h"

namespace davit::snapshotter {

// Deletes `name` in `dir_fd`: a file, or a directory with all its content. Never follows a symlink and never
// enters a mount. Skips files that it cannot delete and returns the first error; the caller may try again.
// Clears immutable and append-only flags (chattr(1)). kCancelled soon after `stop` becomes true.
Result<> RemoveTree(int dir_fd, const std::string& name, const std::atomic<bool>& stop);

}  // namespace davit::snapshotter
