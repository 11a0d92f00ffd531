// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Waits until services are what others depend on.
#pragma once

#include <string>
#include <vector>

#include "cli/compose/model/project.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

// Waits until each of the containers is as the condition says. kFailedPrecondition if it cannot become so any
// more, kCancelled after an interrupt.
Result<> AwaitCondition(const Session& session, const std::vector<std::string>& ids, Condition condition);

}  // namespace davit::cli::compose
