// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Directories of our own: nobody else changes them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// All names in the directory but "." and "..", in no order. `dir_fd` keeps its position and may be O_PATH.
Result<std::vector<std::string>> ListDirectory(int dir_fd);

// O_RDONLY. A symlink is ELOOP or ENOTDIR.
Result<UniqueFd> OpenDirectory(int dir_fd, const std::string& name);

// mkdirat(2), with a mode in which the process's umask has no part.
Result<> MakeDirectory(int dir_fd, const std::string& name, mode_t mode);

// Makes the directory when it is missing and sets its mode to 0700 in any case.
Result<UniqueFd> OpenPrivateDirectory(int dir_fd, const std::string& name);

}  // namespace davit
