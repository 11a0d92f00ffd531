// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include <fcntl.h>

#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Duplicates `fd` with FD_CLOEXEC; the new number is never 0, 1 or 2.
inline Result<UniqueFd> Duplicate(int fd, std::string_view subject) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) return SystemError("fcntl(F_DUPFD_CLOEXEC)", subject);
  return copy;
}

}  // namespace davit
