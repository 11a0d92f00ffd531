// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/dev.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/open_beneath.h"
#include "shim/init/target.h"

namespace davit::shim {
namespace {

constexpr std::string_view kDevPrefix = "/dev/";

struct Symlink {
  const char* name;
  const char* target;
};

// What programs expect in every /dev: the list of the OCI runtime specification, config-linux.md "Default
// Devices".
const DeviceStep kStandardDevices[] = {
    {"/dev/null", 'c', 1, 3, 0666, 0, 0},    {"/dev/zero", 'c', 1, 5, 0666, 0, 0},
    {"/dev/full", 'c', 1, 7, 0666, 0, 0},    {"/dev/random", 'c', 1, 8, 0666, 0, 0},
    {"/dev/urandom", 'c', 1, 9, 0666, 0, 0}, {"/dev/tty", 'c', 5, 0, 0666, 0, 0},
};
constexpr Symlink kSymlinks[] = {
    {"ptmx", "pts/ptmx"},          {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
};

Result<mode_t> TypeBits(const DeviceStep& device) {
  switch (device.type) {
    case 'c':
    case 'u':
      return S_IFCHR;
    case 'b':
      return S_IFBLK;
    case 'p':
      return S_IFIFO;
    default:
      return Fail(Code::kInvalidArgument, "make device", device.path,
                  std::string("unknown type ") + device.type);
  }
}

bool IsSameDevice(const struct stat& st, mode_t type, const DeviceStep& device) {
  if ((st.st_mode & S_IFMT) != type) return false;
  return type == S_IFIFO || st.st_rdev == makedev(device.major, device.minor);
}

// Makes the node, and makes sure that it is the one: the name may have been taken in between.
Result<> MakeNode(int dir_fd, const std::string& name, const DeviceStep& device, mode_t type) {
  dev_t number = type == S_IFIFO ? 0 : makedev(device.major, device.minor);
  if (mknodat(dir_fd, name.c_str(), type | (device.mode & 07777), number) < 0) {
    return SystemError("mknod", device.path);
  }
  UniqueFd node(openat(dir_fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st;
  if (!node || fstat(node.get(), &st) < 0) return SystemError("open device", device.path);
  if (!IsSameDevice(st, type, device)) return SystemError("verify device", device.path, EINVAL);
  if ((st.st_uid != device.uid || st.st_gid != device.gid) &&
      fchownat(node.get(), "", device.uid, device.gid, AT_EMPTY_PATH) < 0) {
    return SystemError("chown device", device.path);
  }
  return {};
}

std::pair<std::string, std::string> SplitPath(const std::string& path) {
  size_t slash = path.rfind('/');
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Result<> MakeOwnDevice(int dev_fd, const DeviceStep& device) {
  auto [directory, name] = SplitPath("/" + device.path.substr(kDevPrefix.size()));
  UniqueFd parent = TRY(OpenRealDirectory(dev_fd, directory));
  // A listed device replaces a standard one: its mode and owner are the ones asked for.
  if (unlinkat(parent.get(), name.c_str(), 0) < 0 && errno != ENOENT)
    return SystemError("replace", device.path);
  return MakeNode(parent.get(), name, device, TRY(TypeBits(device)));
}

}  // namespace

Result<> PopulateDev(int dev_fd, const std::vector<DeviceStep>& devices) {
  for (const DeviceStep& device : kStandardDevices) {
    TRY(MakeNode(dev_fd, device.path.substr(kDevPrefix.size()), device, TRY(TypeBits(device))));
  }
  for (const Symlink& link : kSymlinks) {
    if (symlinkat(link.target, dev_fd, link.name) < 0) return SystemError("symlink", link.name);
  }
  for (const DeviceStep& device : devices) {
    if (device.path.starts_with(kDevPrefix)) TRY(MakeOwnDevice(dev_fd, device));
  }
  return {};
}

Result<> MakeDeviceInRoot(int root_fd, const DeviceStep& device) {
  mode_t type = TRY(TypeBits(device));
  auto [directory, name] = SplitPath(device.path);
  UniqueFd parent = TRY(OpenTarget(root_fd, directory.empty() ? "/" : directory, TargetKind::kDirectory));
  struct stat st;
  if (fstatat(parent.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!IsSameDevice(st, type, device)) return SystemError("make device", device.path, EEXIST);
    return {};
  }
  return MakeNode(parent.get(), name, device, type);
}

Result<> VerifyDevNull(int fd) {
  struct stat st;
  if (fstat(fd, &st) < 0) return SystemError("fstat", "/dev/null");
  if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) return SystemError("verify", "/dev/null", EINVAL);
  return {};
}

Result<UniqueFd> OpenDevNull(int root_fd) {
  // O_NONBLOCK and O_NOCTTY: should it be a FIFO or a terminal, opening it has no effect before it is
  // refused.
  UniqueFd fd = TRY(OpenBeneath(root_fd, "/dev/null", Resolve::kInRoot, O_RDWR | O_NONBLOCK | O_NOCTTY));
  TRY(VerifyDevNull(fd.get()));
  if (fcntl(fd.get(), F_SETFL, 0) < 0) return SystemError("fcntl", "/dev/null");
  return fd;
}

}  // namespace davit::shim
