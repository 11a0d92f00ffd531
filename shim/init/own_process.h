// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Operations of a child of the shim on itself.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit::shim {

// Makes the kernel kill the caller when the shim dies (SIGKILL). The kernel clears this setting when the ids
// or the user namespace of the caller change (PR_SET_PDEATHSIG(2const)): call it again then.
Result<> DieWithShim();

// Closes every descriptor from 3 on that is not in `kept` (-1 is ignored). A process in a container that has
// CAP_SYS_PTRACE can use the open descriptors of a runtime process there, and a directory of the host among
// them would be a way out of the container. So such a runtime process keeps only the descriptors that it
// needs.
Result<> CloseAllBut(std::vector<int> kept);

// The name of the caller's directory in the procfs `proc_fd`, which may belong to another PID namespace than
// the caller's.
Result<std::string> OwnProcName(int proc_fd);

}  // namespace davit::shim
