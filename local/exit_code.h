// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Exit codes of programs that were not executed, as in Docker and in shells.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace davit::local {

inline constexpr int32_t kNotStarted = 125;  // for another reason than the two below
inline constexpr int32_t kNotExecutable = 126;
inline constexpr int32_t kNotFound = 127;

// What the error of a start or of an exec says about the program: kNotFound or kNotExecutable. nullopt if it
// was not the execution of the program that has failed, but a step before, with whatever errno: a file of a
// mount that does not exist is not the program.
inline std::optional<int32_t> ExitCodeOf(const Error& error) {
  constexpr std::string_view kStep = "exec";  // of the shim, behind the operations that contain it (Within)
  constexpr std::string_view kInnerStep = ": exec";
  if (error.step != kStep && !error.step.ends_with(kInnerStep)) return std::nullopt;
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

}  // namespace davit::local
