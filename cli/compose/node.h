// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What there is of a project at the node.
#pragma once

#include <string>
#include <vector>

#include "cli/compose/plan.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

// The containers of a project, of all projects if the name is empty: those with the labels of a project and
// a service, by service and number. `all`: also those that do not run.
Result<std::vector<api::Container>> ContainersOf(const Daemon& daemon, const std::string& project, bool all);

// Without those of `compose run`, and of the services alone if there are any.
std::vector<api::Container> OfServices(const std::vector<api::Container>& containers,
                                       const std::vector<std::string>& services);

ContainerNow NowOf(const api::Container& container);
// The containers, and the names of all networks and volumes.
Result<ProjectNow> LookAt(const Daemon& daemon, const std::string& project);

// The label's value; empty if it has none.
std::string LabelOf(const api::Container& container, const char* label);

// The id of an image, "" if the node does not have it.
Result<std::string> ImageIdOf(const Daemon& daemon, const std::string& image);

}  // namespace davit::cli::compose
