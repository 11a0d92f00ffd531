// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which file an argv[0] means.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit {

// The value of a variable in "NAME=value" form; the last one counts, as for getenv after setenv. Null when
// absent.
const char* FindVariable(const std::vector<std::string>& env, std::string_view name);

// `name` as it is when it has a slash, else the first executable regular file of that name in `path`
// (colon-separated, an empty entry is the working directory), as the calling process with its present ids
// sees it. ENOENT when there is none, EACCES when what there is may not be executed; the subject is `name`.
Result<std::string> FindExecutable(const std::string& name, std::string_view path);

}  // namespace davit
