// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Functions for directories that no other process changes.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Calls `visit` for each name in the directory except "." and "..", in no particular order, until it fails.
// Names that `visit` removes or adds may be passed to it or not. The position of `dir_fd` does not change; it
// may be O_PATH.
Result<> ForEachName(int dir_fd, const std::function<Result<>(const std::string& name)>& visit);

// The names that ForEachName visits.
Result<std::vector<std::string>> ListDirectory(int dir_fd);

// Opens a directory with O_RDONLY. A symlink fails with ELOOP or ENOTDIR.
Result<UniqueFd> OpenDirectory(int dir_fd, const std::string& name);

// mkdirat(2) with exactly this mode: the umask of the process has no effect.
Result<> MakeDirectory(int dir_fd, const std::string& name, mode_t mode);

// Creates the directory if it is missing, sets its mode to 0700 in any case, and opens it.
Result<UniqueFd> OpenPrivateDirectory(int dir_fd, const std::string& name);

}  // namespace davit
