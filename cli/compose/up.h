// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Parts of `compose up` that other verbs use.
#pragma once

#include <string>
#include <vector>

#include "cli/compose/attachments.h"
#include "cli/compose/plan.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

// "web-1" of "shop-web-1".
std::string LabelFor(const Project& project, const std::string& container);

// The hashes and the images of the services, as far as the node has these.
Result<Wanted> WantedOf(const Session& session, const Project& project,
                        const std::vector<std::string>& services, const Attachments& attachments);

}  // namespace davit::cli::compose
