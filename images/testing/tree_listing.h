// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A directory tree as text, so that two trees can be compared and a test says where they differ.
#pragma once

#include <string>

namespace davit {

// A line per file, sorted by path: type, mode, owner, size or device, link target, mtime, extended attributes but
// trusted.* and security.selinux, a digest of the content, and which paths are one inode. `with_dir_times` leaves the
// times of directories out when false.
std::string ListTree(const std::string& root, bool with_dir_times = true);

}  // namespace davit
