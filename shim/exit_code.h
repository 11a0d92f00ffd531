// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Exit codes of programs that were not executed, as in Docker and in shells: the one place that decides, for
// the daemon and for clients that hear of it from the shim (session.h).
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace davit::shim {

inline constexpr int32_t kNotStarted = 125;  // for another reason than the two below
inline constexpr int32_t kNotExecutable = 126;
inline constexpr int32_t kNotFound = 127;

// Whether the call that failed is the execution of the container's or the exec's own program: execve(2), or
// the search for the program in its PATH (exec_outcome.cc, init/executable.cc). Steps before it, such as
// opening the source of a mount, fail with the same errnos.
inline bool WasNotExecuted(const Error& error) {
  constexpr std::string_view kCall = "exec";
  return error.step == kCall || error.step.ends_with(": exec");
}

// What the error of a start or of an exec says about the program: kNotFound or kNotExecutable. nullopt if it
// was not the execution of the program that has failed, but a step before, with whatever errno: a file of a
// mount that does not exist is not the program.
inline std::optional<int32_t> ExitCodeOf(const Error& error) {
  if (!WasNotExecuted(error)) return std::nullopt;
  switch (error.os_errno) {
    case ENOENT:
      return kNotFound;
    case EACCES:
    case EISDIR:
    case ENOEXEC:
    case ENOTDIR:
      return kNotExecutable;
    default:
      return std::nullopt;
  }
}

}  // namespace davit::shim
