// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Moves the work of this process to the first process of a new PID namespace.
#pragma once

#include "base/error.h"

namespace davit {

// For a process with one thread that has CAP_SYS_ADMIN. Returns in a child process, which sees no other
// process and is killed when this one dies. The calling process closes its descriptors, waits for the child,
// ends as the child has ended, by the same signal or with the same code, and never returns. An error is
// returned in the calling process.
Result<> EnterPidNamespace();

}  // namespace davit
