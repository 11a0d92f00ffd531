// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Tells a program that was not executed from a start that failed before.
#pragma once

#include <string_view>

#include "base/error.h"

namespace davit::cri {

// Whether the call that failed is the execution of the container's or the exec's own program: execve(2), or
// the search for the program in its PATH (shim/exec_outcome.cc, shim/init/executable.cc). Steps before it,
// such as opening the source of a mount, fail with the same errnos.
inline bool WasNotExecuted(const Error& error) {
  constexpr std::string_view kCall = "exec";
  return error.step == kCall || error.step.ends_with(": exec");
}

}  // namespace davit::cri
