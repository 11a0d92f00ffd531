// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which files a project is made of, and with which variables.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/compose/model/load.h"
#include "cli/compose/options.h"
#include "cli/console.h"

namespace davit::cli::compose {

// The project of the files that the options name, or else COMPOSE_FILE, or else compose.yaml,
// compose.yml, docker-compose.yaml or docker-compose.yml of the working directory or the nearest of its
// parents, with the override file beside it. Reads .env and the environment of davit. Remarks on variables
// that are not set; prints what is wrong in the files to `err`, a line for each, and then fails. `chosen`:
// services whose profiles are chosen, too.
Result<Project> OpenProject(const Console& console, const ProjectOptions& options,
                            const std::vector<std::string>& chosen = {});

// The name alone, for verbs that work without the files if -p or COMPOSE_PROJECT_NAME is given.
Result<std::string> NameOfProject(const Console& console, const ProjectOptions& options);

}  // namespace davit::cli::compose
