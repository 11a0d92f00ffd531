// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/own_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace davit {

Result<> DieWithShim() {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_PDEATHSIG)", "SIGKILL");
  return {};
}

Result<std::string> OwnProcName(int proc_fd) {
  char name[32];
  ssize_t length = readlinkat(proc_fd, "self", name, sizeof name);
  if (length < 0) return SystemError("readlink", "/proc/self");
  return std::string(name, static_cast<size_t>(length));
}

}  // namespace davit
