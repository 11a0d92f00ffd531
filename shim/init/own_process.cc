// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/own_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>

namespace davit::shim {

Result<> DieWithShim() {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_PDEATHSIG)", "SIGKILL");
  return {};
}

Result<> CloseAllBut(std::vector<int> kept) {
  kept.push_back(STDERR_FILENO);
  std::ranges::sort(kept);
  int next = STDERR_FILENO;  // the standard streams stay
  for (int fd : kept) {
    if (fd > next && close_range(static_cast<unsigned>(next), static_cast<unsigned>(fd) - 1, 0) < 0)
      return SystemError("close_range", std::to_string(next));
    next = std::max(next, fd + 1);
  }
  if (close_range(static_cast<unsigned>(next), ~0U, 0) < 0)
    return SystemError("close_range", std::to_string(next));
  return {};
}

Result<std::string> OwnProcName(int proc_fd) {
  char name[32];
  ssize_t length = readlinkat(proc_fd, "self", name, sizeof name);
  if (length < 0) return SystemError("readlink", "/proc/self");
  return std::string(name, static_cast<size_t>(length));
}

}  // namespace davit::shim
