// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/stdio.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/init/dev.h"

namespace davit::shim {
namespace {

constexpr gid_t kSameGroup = static_cast<gid_t>(-1);

// A pipe or socket has one inode for both ends.
Result<> Give(int stream, uid_t uid, gid_t gid) {
  struct stat st;
  if (fstat(stream, &st) < 0) return SystemError("fstat", "standard stream " + std::to_string(stream));
  if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) return {};
  if (fchown(stream, uid, gid) < 0) return SystemError("fchown", "standard stream " + std::to_string(stream));
  return {};
}

}  // namespace

Result<> SetStdio(const ProcessInputs& inputs, int root_fd) {
  UniqueFd null;
  for (int fd = 0; fd < 3; ++fd) {
    int source = inputs.stdio[fd];
    if (source < 0) {
      if (!null) {
        auto own = OpenDevNull(root_fd);
        null = own ? std::move(*own) : UniqueFd(fcntl(inputs.spare_null, F_DUPFD_CLOEXEC, 3));
      }
      source = null.get();
    }
    if (dup2(source, fd) < 0) return SystemError("dup2", std::to_string(fd));
  }
  return {};
}

Result<> GiveStdio(uint32_t uid) {
  if (uid == 0) return {};
  for (int fd = 0; fd < 3; ++fd) TRY(Give(fd, uid, kSameGroup));
  return {};
}

Result<> GiveToRootOf(const IdMap& ids, std::span<const int> streams) {
  if (ids.empty()) return {};
  for (int stream : streams) {
    if (stream >= 0) TRY(Give(stream, ids.uids.outside, ids.gids.outside));
  }
  return {};
}

}  // namespace davit::shim
