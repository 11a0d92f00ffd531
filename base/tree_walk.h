// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A walk over a tree that somebody else filled and may still be changing.
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

  // One entry of the directory `dir_fd`, which is open for reading. `type` is its d_type (readdir(3)), a hint
  // only.
  virtual WalkStep Visit(int dir_fd, const std::string& name, unsigned char type) = 0;

  // All entries of the directory `name` of `parent_fd` have been visited. Not called when somebody moved it
  // meanwhile.
  virtual void Leave(int parent_fd, const std::string& name) = 0;

  // A directory that could not be entered or read on, and is left out. Its os_errno is EXDEV for a mount
  // point, and ENOENT, ENOTDIR or ELOOP for what changed between Visit and now.
  virtual void Failed(const Error& error) = 0;
};

// Visits everything below `root` (O_RDONLY), in no particular order. Never follows a symlink, never leaves
// the mount of `root`, and holds a bounded number of descriptors and little memory however deep or wide the
// tree is. False when the visitor stopped it.
bool WalkTree(UniqueFd root, TreeVisitor& visitor);

}  // namespace davit
