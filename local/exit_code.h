// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Exit codes of programs that were not executed, as in Docker and in shells.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"

namespace davit::local {

inline constexpr int32_t kNotStarted = 125;  // for another reason than the two below
inline constexpr int32_t kNotExecutable = 126;
inline constexpr int32_t kNotFound = 127;

// What the error of a start or of an exec says about the program: kNotFound or kNotExecutable. nullopt if it
// was not the execution of the program that has failed, but a step before, with whatever errno: a file of a
// mount that does not exist is not the program.
std::optional<int32_t> ExitCodeOf(const Error& error);

}  // namespace davit::local
