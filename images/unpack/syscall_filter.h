// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A filter for the system calls that unpacking needs (seccomp(2)).
#pragma once

#include <span>

#include "base/error.h"

namespace davit::images {

// Allows calls for files, memory and threads of this process; no call reaches another process. From here on
// every other call fails with EPERM, in this thread and in the threads that it starts. no_new_privs must be
// set. `more` are the numbers of further calls to allow. No effect in a sanitized build, whose runtime needs
// other calls.
Result<> LoadSyscallFilter(std::span<const int> more = {});

}  // namespace davit::images
