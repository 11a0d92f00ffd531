// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A directory tree as text, so that two trees can be compared and a test says where they differ.
#pragma once

#include <set>
#include <string>

namespace davit {

// A line per file, sorted by path: type, mode, owner, size or device, link target, mtime, extended attributes
// but trusted.* and security.selinux, a digest of the content, and which paths are one inode. No times of
// `untimed` paths
// ("/" is the root).
std::string ListTree(const std::string& root, const std::set<std::string>& untimed = {});

}  // namespace davit
