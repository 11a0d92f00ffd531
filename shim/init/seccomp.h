// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The seccomp filter that the daemon compiled (seccomp(2)).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

// Reads an array of struct sock_filter from a sealed memfd. An empty one, or one with a broken length, is an
// error: a process that was to be filtered never runs without.
Result<std::string> ReadSeccompProgram(int memfd);

// Puts the filter on the calling thread, for good. Needs CAP_SYS_ADMIN or no_new_privs.
Result<> InstallSeccomp(std::string_view program);

}  // namespace davit
