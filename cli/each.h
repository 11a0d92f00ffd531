// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Verbs that take several names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/verbs.h"

namespace davit::cli {

// Does `act` for each name and prints the names that it succeeded for, one a line (as JSON: a list). A
// failure does not keep the others from being tried; the last one is returned, those before are remarked on.
Result<int> ForEach(const Session& session, const std::vector<std::string>& names,
                    const std::function<Result<>(const std::string& name)>& act);

}  // namespace davit::cli
