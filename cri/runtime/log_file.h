// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The log file of a container's output.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cri {

// The absolute path of a log; empty if either argument is empty, in which case output is discarded.
// kInvalidArgument if the path leaves the directory or names no file.
Result<std::string> ResolveLogPath(const std::string& log_directory, const std::string& log_path);

// Returns an O_PATH descriptor of the log file, which the shim opens. Creates the file (0640) and its
// directories (0755) if missing. Symlinks below the log directory are not followed: a pod may mount this
// directory of the kubelet and write to it.
Result<UniqueFd> OpenLog(const std::string& log_directory, const std::string& log_path);

}  // namespace davit::cri
