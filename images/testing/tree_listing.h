// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A directory tree as text, so that a test can compare two trees and show where they differ.
#pragma once

#include <set>
#include <string>

namespace davit::images {

// One line per file, sorted by path: type, mode, owner, size or device, link target, mtime, extended
// attributes except trusted.* and security.selinux, a digest of the content, and which paths share an inode.
// The times of `untimed` paths are omitted ("/" is the root).
std::string ListTree(const std::string& root, const std::set<std::string>& untimed = {});

}  // namespace davit::images
