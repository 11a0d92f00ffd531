// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/exit_code.h"

#include <cerrno>

#include "cri/runtime/not_executed.h"

namespace davit::local {

std::optional<int32_t> ExitCodeOf(const Error& error) {
  if (!cri::WasNotExecuted(error)) return std::nullopt;
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
