// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Asks before something is removed.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/verbs.h"

namespace davit::cli {

// Prints the warning, a line, and asks whether to continue. kFailedPrecondition, which names the verb, if
// there is no terminal: a script has to say --force.
Result<bool> Confirm(const Session& session, const std::string& verb, const std::string& warning);

}  // namespace davit::cli
