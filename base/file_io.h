// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reads and writes small whole files: /proc, /sys, cgroups, configuration.
#pragma once

#include <fcntl.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// open(2) and openat(2) with O_CLOEXEC added. The error's subject is `path`.
Result<UniqueFd> OpenAt(int dir_fd, const std::string& path, int flags, mode_t mode = 0);

// Reads to the end of the file; kResourceExhausted if that is more than `limit` bytes.
Result<std::string> ReadFd(int fd, std::string_view name, size_t limit = 16 << 20);
Result<std::string> ReadFileAt(int dir_fd, const std::string& path, size_t limit = 16 << 20);
Result<std::string> ReadFile(const std::string& path, size_t limit = 16 << 20);

// Writes all of `data`; continues after short writes and EINTR.
Result<> WriteAll(int fd, std::string_view data, std::string_view name);

// Opens an existing file and writes `data` in one write(2), as cgroup and sysctl files require.
Result<> WriteFileAt(int dir_fd, const std::string& path, std::string_view data);

}  // namespace davit
