// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Files of variables: .env, --env-file and env_file.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/compose/model/interpolation.h"

namespace davit::cli::compose {

// Lines of NAME=VALUE, also with `export` in front. Empty lines and those that begin with "#" are skipped,
// and so is what follows " #". A value in single quotes is as it stands; in double quotes \n, \r, \t, \",
// \\ and
// \$ are replaced, and both may have several lines. Variables are replaced, except in single quotes: by what
// `around` says, or else by lines before. NAME alone has the value of `around`, or is left out.
// kInvalidArgument names the line; `file` is the file's name in errors.
Result<Environment> ParseEnvFile(std::string_view text, const std::string& file, const Environment& around);

// `format: raw`: each value is what follows the first "=" in its line.
Result<Environment> ParseRawEnvFile(std::string_view text, const std::string& file,
                                    const Environment& around);

}  // namespace davit::cli::compose
