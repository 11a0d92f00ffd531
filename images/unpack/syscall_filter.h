// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The system calls that unpacking takes (seccomp(2)).
#pragma once

#include "base/error.h"

namespace davit {

// Allows files on descriptors, memory and threads; every other call is EPERM from here on, for this thread
// and those it starts. no_new_privs must be set. Without effect in a sanitized build, whose runtime calls
// what it likes.
Result<> LoadSyscallFilter();

}  // namespace davit
