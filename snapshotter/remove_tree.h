// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Deletion of a tree whose content nobody vouches for.
#pragma once

#include <atomic>
#include <string>

#include "base/error.h"

namespace davit {

// Deletes `name` in `dir_fd`, file or directory, with all that is in it. Never follows a symlink and never
// enters a mount. Goes on past what it cannot delete and returns the first such error; what is left can be
// tried again. Immutable and append-only flags are cleared (chattr(1)). kCancelled soon after `stop` turns
// true.
Result<> RemoveTree(int dir_fd, const std::string& name, const std::atomic<bool>& stop);

}  // namespace davit
