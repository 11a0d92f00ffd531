// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/open_beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
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

Result<UniqueFd> MakeDirsInRoot(int dir_fd, const std::string& path) {
  auto whole = OpenBeneath(dir_fd, path, Resolve::kInRoot, O_PATH | O_DIRECTORY);
  if (whole || whole.error().os_errno != ENOENT) return whole;

  UniqueFd current = TRY(OpenBeneath(dir_fd, "/", Resolve::kInRoot, O_PATH | O_DIRECTORY));
  std::string walked;
  for (size_t pos = 0; pos < path.size();) {
    size_t end = path.find('/', pos);
    if (end == std::string::npos) end = path.size();
    std::string name = path.substr(pos, end - pos);
    pos = end + 1;
    if (name.empty() || name == ".") continue;
    // Each prefix is looked up from the root again, so that ".." and symlinks mean what they mean inside it.
    walked += "/" + name;
    auto next = OpenBeneath(dir_fd, walked, Resolve::kInRoot, O_PATH | O_DIRECTORY);
    if (!next && next.error().os_errno == ENOENT) {
      if (mkdirat(current.get(), name.c_str(), 0755) < 0 && errno != EEXIST)
        return SystemError("mkdir", walked);
      next = OpenBeneath(dir_fd, walked, Resolve::kInRoot, O_PATH | O_DIRECTORY);
    }
    current = TRY(std::move(next));
  }
  return current;
}

}  // namespace davit
