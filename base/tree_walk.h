// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Walks a directory tree with untrusted content that may change during the walk.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

enum class WalkStep {
  kNext,
  kDescend,  // into the entry just visited
  kStop,     // end the whole walk
};

class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;

  // Called for each entry of the directory `dir_fd`, which is open for reading. `type` is d_type
  // (readdir(3)), a hint only.
  virtual WalkStep Visit(int dir_fd, const std::string& name, unsigned char type) = 0;

  // Called when the walk of the directory `name` of `parent_fd` has ended, also after a read error. A deep
  // walk closes parents and opens them again through "..": if that fails because a directory was moved, Leave
  // is not called and the rest of the closed parents is skipped.
  virtual void Leave(int parent_fd, const std::string& name) = 0;

  // A directory could not be entered or read further, and is skipped. os_errno is EXDEV for a mount point,
  // and ENOENT, ENOTDIR or ELOOP if the entry has changed since Visit.
  virtual void Failed(const Error& error) = 0;
};

// Visits everything below `root` (O_RDONLY), in no particular order. Never follows a symlink, never leaves
// the mount of `root`, and uses a bounded number of descriptors and little memory, however deep or wide the
// tree is. Returns false if the visitor stopped it.
bool WalkTree(UniqueFd root, TreeVisitor& visitor);

}  // namespace davit
