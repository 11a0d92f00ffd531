// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Follows a container's output until the container ends.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/log_printer.h"
#include "cli/log_selection.h"
#include "cli/log_tail.h"
#include "cli/verbs.h"

namespace davit::cli {

// What the daemon says of a container.
struct Watched {
  bool ended = false;
  int exit_code = 0;
};
using AskContainer = std::function<Result<Watched>()>;

// Prints the chosen lines of the log until the container has ended, as `ask` says, or until
// the choice's `until`. kCancelled after an interrupt; kDataLoss if a part of the output was lost. Survives a
// restart of the daemon, up to 240 s without an answer.
Result<> FollowContainer(const Session& session, LogTail& tail, const LogChoice& choice, LogForm form,
                         const AskContainer& ask);

// Waits until the container has ended, as `ask` says, and returns its exit code; kCancelled after an
// interrupt. Survives a restart of the daemon in the same way.
Result<int> AwaitExit(const Session& session, const AskContainer& ask);

// Prints the chosen lines that there are.
Result<> PrintLog(const Session& session, LogTail& tail, const LogChoice& choice, LogForm form);

}  // namespace davit::cli
