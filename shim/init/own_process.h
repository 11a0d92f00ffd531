// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The calling process, a child of the shim, to itself.
#pragma once

#include <string>

#include "base/error.h"

namespace davit {

// SIGKILL for the caller when the shim dies. The kernel forgets it with every change of ids or of the user
// namespace (PR_SET_PDEATHSIG(2const)): to be said again then.
Result<> DieWithShim();

// The caller's directory in the procfs `proc_fd`, which may count processes otherwise than the caller does.
Result<std::string> OwnProcName(int proc_fd);

}  // namespace davit
