// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/netns_pin.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file_io.h"

namespace davit::cni {

std::string NetnsPin(const std::string& dir, const std::string& id) {
  return dir + "/davit-" + id;
}

Result<std::string> PinNetns(const std::string& dir, const std::string& id, int netns_fd) {
  if (mkdir(dir.c_str(), 0755) < 0 && errno != EEXIST) return SystemError("mkdir", dir);
  std::string path = NetnsPin(dir, id);
  TRY(UnpinNetns(dir, id));
  TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0444));
  std::string source = "/proc/self/fd/" + std::to_string(netns_fd);
  if (mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0) return path;
  auto error = SystemError("mount", path);
  unlink(path.c_str());
  return error;
}

bool IsPinned(const std::string& dir, const std::string& id) {
  struct statfs status{};
  return statfs(NetnsPin(dir, id).c_str(), &status) == 0 && status.f_type == NSFS_MAGIC;
}

Result<> UnpinNetns(const std::string& dir, const std::string& id) {
  std::string path = NetnsPin(dir, id);
  // EINVAL: a file without a mount, of a pin that was interrupted.
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
    return SystemError("umount", path);
  if (unlink(path.c_str()) < 0 && errno != ENOENT) return SystemError("unlink", path);
  return {};
}

}  // namespace davit::cni
