// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Parts of sessions that several verbs share.
#pragma once

#include <functional>
#include <string>

#include "cli/follow.h"
#include "cli/terminal/detach_keys.h"
#include "cli/terminal/session_link.h"
#include "cli/terminal/session_run.h"
#include "cli/verbs.h"

namespace davit::cli {

// Sends signals to the first process of a local container; a failure is a remark.
std::function<void(int)> SignalsTo(const Session& session, const std::string& id);

// The exit status of davit after the session of a container. If its output has ended, waits for its end.
Result<int> EndOfContainer(const Session& session, const SessionEnd& end, const AskContainer& ask);

// The size of the terminal that a container or command gets; 0 rows and columns if davit has none.
api::TerminalSize TerminalSizeOf(const Console& console);

}  // namespace davit::cli
