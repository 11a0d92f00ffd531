// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/open_beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

namespace davit {
namespace {

uint64_t ResolveFlags(Resolve resolve) {
  switch (resolve) {
    case Resolve::kInRoot:
      return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    case Resolve::kBeneath:
      return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    case Resolve::kStrict:
      return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  }
  return RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
}

}  // namespace

Result<UniqueFd> OpenBeneath(int dir_fd, const std::string& path, Resolve resolve, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = ResolveFlags(resolve);
  // A rename anywhere on the system may make the kernel give up on a ".." or scoped lookup.
  constexpr int kAttempts = 64;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    int fd = static_cast<int>(syscall(SYS_openat2, dir_fd, path.c_str(), &how, sizeof how));
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return SystemError("openat2", path);
}

}  // namespace davit
