// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Variables of an environment on the command line, as in Docker.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit::cli {

// The lines of a file with settings: without white space before them, empty ones and those that begin with
// "#". kInvalidArgument for a file over 1 MiB.
Result<std::vector<std::string>> ReadSettings(const std::string& path);

// The variables of the files, whose empty lines and those that begin with "#" are skipped, then `texts`, each
// "NAME=VALUE" or "NAME". The latter has the value that it has in davit's own environment; without one it is
// left out.
Result<std::vector<std::string>> ReadVariables(const std::vector<std::string>& files,
                                               const std::vector<std::string>& texts);

}  // namespace davit::cli
