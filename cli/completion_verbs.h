// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit completion, and the hidden verb that the shells call.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/console.h"
#include "cli/verbs.h"

namespace davit::cli {

// The first word of the hidden verb: what follows are the words to complete.
inline constexpr char kCompleteWord[] = "__complete";

// Prints the script for a shell. Needs no daemon.
Result<int> PrintCompletionScript(const Console& console, const CompletionOptions& options);

// Prints a line for each candidate: the word, and if it has a help, a tab and the help. The last line is
// ":files" if names of files fit, else ":words". Without a daemon at `address` the names of its things are
// missing: somebody who presses Tab wants no error.
Result<int> PrintCandidates(const Console& console, const std::string& address,
                            const CompleteOptions& options);

}  // namespace davit::cli
