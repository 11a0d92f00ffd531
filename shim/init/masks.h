// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Paths of /proc and /sys that a container must not see or not change.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit::shim {

// Covers every path that exists inside `root_fd`: a directory by an empty read-only tmpfs, which all of them
// share, anything else by the device `null_fd`. `null_fd` must be on a mount of the caller's mount namespace;
// it is verified to be /dev/null. `selinux_context` is set on the tmpfs (mount_api.h).
Result<> MaskPaths(int root_fd, const std::vector<std::string>& paths, int null_fd,
                   const std::string& selinux_context);

// Makes every path that exists read-only, submounts included.
Result<> MakePathsReadOnly(int root_fd, const std::vector<std::string>& paths);

}  // namespace davit::shim
