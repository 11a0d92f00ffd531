// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The directory of image verifiers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"

namespace davit::images {

struct VerifierList {
  std::vector<std::string> programs;  // absolute paths, ordered by name
  size_t skipped = 0;                 // beyond the limit
  bool absent = false;                // there is no such directory
};

// The first `limit` programs in the directory, an absolute path; a negative limit is none.
// kFailedPrecondition if an entry is not an executable file, or if a user other than root could change or
// replace the directory, one above it or a program: verifiers run as root and decide what may run. Symbolic
// links are refused, because they hide who that could be.
Result<VerifierList> ListVerifiers(const std::string& directory, int limit);

}  // namespace davit::images
