// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Copies one file with what belongs to it. Nothing here follows a symbolic link or opens a device.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::images {

// Whether a copy gets the extended attribute of this name.
using WantedXattr = bool (*)(std::string_view name);

// Called before so many bytes are copied, at most kCopyPieceBytes. An error ends the copy and is returned.
using BeforePiece = std::function<Result<>(size_t bytes)>;
constexpr size_t kCopyPieceBytes = 256 << 10;

// Gives `to` the owner and mode in `wanted`, the extended attributes of `from`, and the times in `wanted`.
// `path` appears in errors.
Result<> CopyMetadata(int from, const struct stat& wanted, int to, const std::string& path,
                      WantedXattr wanted_xattr);

// Copies `size` bytes of a regular file into an empty one. Holes stay holes: a sparse file must not become a
// full one.
Result<> CopyData(int from, int to, off_t size, const std::string& path, const BeforePiece& before_piece);

// Makes `name` in `dir_fd` like `from`, an O_PATH descriptor of a symbolic link, device, FIFO or socket with
// this status.
Result<> CopySymlinkOrNode(int from, const struct stat& status, int dir_fd, const std::string& name);

}  // namespace davit::images
