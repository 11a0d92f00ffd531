// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The attributes of files that archives carry.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "images/unpack/tar_entry.h"

namespace davit::local {

// user.*, file capabilities and ACLs: the rest belongs to the kernel, the host or its security modules.
bool IsCarriedXattr(std::string_view name);

using Xattrs = std::vector<std::pair<std::string, std::string>>;
// Those of an open file or directory that are carried. kResourceExhausted if they are more than a reader of
// archives takes.
Result<Xattrs> ReadXattrs(int fd, const std::string& path);

// Name and content are for the caller to set. kInvalidArgument for a socket, which no archive has.
Result<images::TarEntry> EntryOf(const struct stat& status, const std::string& path);

// The ranges of a file that have data, if some have none; nullopt if all have. The position changes.
std::optional<std::vector<images::SparseSegment>> FindSegments(int fd, const struct stat& status);

// procfs, sysfs and their like: what they show is the kernel's, has no size, and can hold up who reads it.
bool IsKernelFilesystem(int dir_fd);

}  // namespace davit::local
