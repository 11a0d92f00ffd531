// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where a container's output goes.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// The absolute path of a log; empty when either part is, which means that output is dropped. kInvalidArgument
// for a path that leaves the directory.
Result<std::string> ResolveLogPath(const std::string& log_directory, const std::string& log_path);

// Names the log by a descriptor (O_PATH), for the shim to open, making it (0640) and its directories (0755)
// when missing. Below the log directory, which the kubelet owns, no symlink is followed: what writes there
// also runs containers.
Result<UniqueFd> OpenLog(const std::string& log_directory, const std::string& log_path);

}  // namespace davit
