// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Moves through a tree from one path to the next: what to leave, and what to enter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit::images {

// A walk over sorted paths enters a directory once, and once more after a sibling such as "a-b", which sorts
// between "a" and "a/b". Paths are relative; "" is the root.
class PathSteps {
 public:
  struct Move {
    size_t kept = 0;                        // components that both paths begin with
    std::vector<std::string_view> entered;  // the further components of the new path, which must outlive them
  };

  // kInvalidArgument if a component is "." or "..", or the path is deeper than any that the unpacker accepts.
  // The position is then undefined.
  Result<Move> MoveTo(std::string_view path);

 private:
  std::string path_;
  std::vector<size_t> ends_;  // of the components of path_
};

}  // namespace davit::images
