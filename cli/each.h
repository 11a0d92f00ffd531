// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Verbs that take several names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/verbs.h"

namespace davit::cli {

// Calls `act` for each name and prints the names for which it succeeded, one per line (as JSON: a list).
// Continues after a failure: returns the last error and prints earlier ones as remarks.
Result<int> ForEach(const Session& session, const std::vector<std::string>& names,
                    const std::function<Result<>(const std::string& name)>& act);

}  // namespace davit::cli
