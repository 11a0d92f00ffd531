// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The seccomp filter that the daemon compiled (seccomp(2)).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::shim {

// Reads an array of struct sock_filter from a sealed memfd. Fails if it is empty or its length is not a
// multiple of the struct's size: a process that needs a filter never runs without it.
Result<std::string> ReadSeccompProgram(int memfd);

// Installs the filter on the calling thread; it cannot be removed. Needs CAP_SYS_ADMIN or no_new_privs.
Result<> InstallSeccomp(std::string_view program);

}  // namespace davit::shim
