// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Copies between the tree of this process and an archive on a descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace davit::local {

struct LocalCopy {
  Result<> result;
  std::vector<std::string> problems;  // the first ones (Problems)
  uint64_t problem_count = 0;
};

// Writes the file or directory under the name `as`. A reader that has left is EPIPE.
LocalCopy PackPath(const std::string& path, bool follow_link, const std::string& as, int archive_fd);

// Extracts an archive below the directory and nowhere else, whatever it has. `keep_owners` needs root.
// Without root, devices are left out.
LocalCopy ExtractArchive(int archive_fd, int dir_fd, bool keep_owners);

}  // namespace davit::local
