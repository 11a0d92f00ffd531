// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Stops services, those that depend on others first.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/compose/model/project.h"
#include "cli/compose/progress.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

// Calls `act` for each container, on several threads: when those of all services that depend on its service
// are done. Services that the project does not have depend on nothing. Goes on after a failure: returns the
// last error, the others are remarks.
Result<> InReverse(const Project& project, const std::vector<api::Container>& containers, Progress& progress,
                   const std::function<Result<>(const api::Container&)>& act);

// Stops those that run.
Result<> StopAll(const Session& session, const Project& project,
                 const std::vector<api::Container>& containers, std::optional<int64_t> grace_seconds,
                 Progress& progress);

}  // namespace davit::cli::compose
