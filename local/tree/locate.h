// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Finds what a path of a person means, as the place in its parent directory.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::local {

// `name` is one component, or "." if the path means `parent` itself.
struct TreePlace {
  UniqueFd parent;  // O_PATH
  std::string name;
};

enum class LastLink : uint8_t { kKeep, kFollow };

// Symlinks in front of the last component are followed, from the root directory of the process; no magic link
// is (ELOOP). The last one is followed if `last` says so or if the path ends with a slash, which requires a
// directory (ENOTDIR). The last component need not exist, the others do (ENOENT).
Result<TreePlace> Locate(const std::string& path, LastLink last);

// openat2(2) without magic links, with O_CLOEXEC.
Result<UniqueFd> OpenWithin(int dir_fd, const std::string& path, int flags);

// The last component of a path without its slashes: "b" of "/a/b/", "." of "/", "a/." and "a/..".
std::string LastName(const std::string& path);

}  // namespace davit::local
