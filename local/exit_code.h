// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Exit codes of programs that were not executed, as in Docker and in shells.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"

namespace davit::local {

// 127 if the program does not exist, 126 if it cannot be executed; nullopt if the error is not of its
// execution.
std::optional<int32_t> ExitCodeOfExec(const Error& error);

}  // namespace davit::local
