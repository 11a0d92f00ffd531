// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The calling process, a child of the shim, to itself.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit {

// SIGKILL for the caller when the shim dies. The kernel forgets it with every change of ids or of the user
// namespace (PR_SET_PDEATHSIG(2const)): to be said again then.
Result<> DieWithShim();

// Closes every descriptor from 3 on that is not `kept` (-1 stands for none). A process of the runtime's
// inside a container shows what it has open to whoever may trace it there (CAP_SYS_PTRACE), and a directory
// of the host's is a way out: so it has its own descriptors only, and the shim's never.
Result<> CloseAllBut(std::vector<int> kept);

// The caller's directory in the procfs `proc_fd`, which may count processes otherwise than the caller does.
Result<std::string> OwnProcName(int proc_fd);

}  // namespace davit
