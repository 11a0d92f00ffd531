// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Finds the file that an argv[0] refers to.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit::shim {

// The value of a variable in "NAME=value" form; if it occurs twice, the last one counts. Null if absent.
const char* FindVariable(const std::vector<std::string>& env, std::string_view name);

// Returns `name` unchanged if it has a slash, else the first regular file of that name in `path` that the
// calling process may execute with its current ids. `path` is colon-separated; an empty entry is the working
// directory. Fails with ENOENT if there is no such file, with EACCES if there are only files that may not be
// executed; the subject is `name`.
Result<std::string> FindExecutable(const std::string& name, std::string_view path);

}  // namespace davit::shim
