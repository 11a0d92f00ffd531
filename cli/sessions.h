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

// A local container that is started with davit attached before its program runs, so that nothing is missed.
struct AttachedRun {
  std::string id;
  bool input = false;
  bool tty = false;  // it has a terminal
  bool sig_proxy = true;
  std::string detach_keys = {};
};

// Returns the exit status of davit. If the start fails, that is what `failed` makes of the error.
Result<int> StartAttached(const Session& session, const AttachedRun& run,
                          const std::function<Result<int>(const Error&)>& failed);

// Waits until a local container does not run, or an interrupt, and returns its exit code. `id` is the whole
// one: it may be removed meanwhile. Survives a restart of the daemon, as AwaitExit does.
Result<int> AwaitLocalEnd(const Session& session, const std::string& id);

// The size of the terminal that a container or command gets; 0 rows and columns if davit has none.
api::TerminalSize TerminalSizeOf(const Console& console);

}  // namespace davit::cli
