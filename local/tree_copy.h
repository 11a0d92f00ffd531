// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Copies a directory of an image, whose content is not trusted.
#pragma once

#include <functional>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::local {

// Copies what is in `from` (O_RDONLY), and does not change meanwhile, into the empty directory `to`, which
// gets the owner, mode and times of `from`, too. Never follows a symbolic link and never leaves the mount of
// `from`. Files keep owner, mode, times, links among each other, holes, and the extended attributes that an
// image may set; devices, FIFOs and sockets are made again.
//
// `links` is an empty directory on the filesystem of `to`. What is in it afterwards, and in `to` after an
// error, is the caller's to remove. kCancelled soon after `stop` returns true; kResourceExhausted, with
// ENOSPC, before the filesystem is full (images/space_reserve.h).
Result<> CopyTree(UniqueFd from, int to, int links, const std::function<bool()>& stop);

// Gives `to` the owner, mode, times and extended attributes of the directory `from` (O_RDONLY).
Result<> CopyDirectoryMetadata(int from, int to);

}  // namespace davit::local
