// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/mount_api.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace davit::shim {
namespace {

// What the kernel wrote about the last failure on a context: "e tmpfs: Bad value for 'size'" (one message per
// read).
std::string KernelWords(int context_fd) {
  char buffer[256];
  ssize_t n = read(context_fd, buffer, sizeof buffer);
  if (n <= 2) return {};
  std::string words(buffer + 2, static_cast<size_t>(n) - 2);
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return words;
}

Result<> Configure(int context_fd, const std::string& type, const std::string& option) {
  size_t equals = option.find('=');
  std::string key = option.substr(0, equals);
  int failed = equals == std::string::npos
                   ? fsconfig(context_fd, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                   : fsconfig(context_fd, FSCONFIG_SET_STRING, key.c_str(), option.c_str() + equals + 1, 0);
  if (failed == 0) return {};
  auto failure = SystemError("fsconfig", type + " " + option);
  failure.error().context = KernelWords(context_fd);
  return failure;
}

uint64_t PropagationFlag(Propagation propagation) {
  switch (propagation) {
    case Propagation::kPrivate:
      return MS_PRIVATE;
    case Propagation::kSlave:
      return MS_SLAVE;
    case Propagation::kShared:
      return MS_SHARED;
  }
  return MS_PRIVATE;
}

bool IsDirectory(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

Result<> SetAttributes(int mount_fd, mount_attr attributes, bool recursive, std::string_view subject) {
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  if (mount_setattr(mount_fd, "", flags, &attributes, sizeof attributes) < 0) {
    return SystemError("mount_setattr", subject);
  }
  return {};
}

}  // namespace

Result<UniqueFd> NewFilesystem(const std::string& type, const std::string& options, uint64_t attributes,
                               const std::string& selinux_context) {
  UniqueFd context(fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context) return SystemError("fsopen", type);
  if (fsconfig(context.get(), FSCONFIG_SET_STRING, "source", type.c_str(), 0) < 0)
    return SystemError("fsconfig", type);
  for (size_t pos = 0; pos < options.size();) {
    size_t end = std::min(options.find(',', pos), options.size());
    if (end > pos) TRY(Configure(context.get(), type, options.substr(pos, end - pos)));
    pos = end + 1;
  }
  // Never in `options`: its categories have commas between them.
  if (!selinux_context.empty()) TRY(Configure(context.get(), type, "context=" + selinux_context));
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) {
    auto failure = SystemError("fsconfig(CMD_CREATE)", type);
    failure.error().context = KernelWords(context.get());
    return failure;
  }
  UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return SystemError("fsmount", type);
  return mount;
}

Result<UniqueFd> CloneMount(int dir_fd, const std::string& path, bool recursive, std::string_view subject) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  UniqueFd mount(open_tree(dir_fd, path.c_str(), flags));
  if (!mount) return SystemError("open_tree", subject);
  return mount;
}

Result<> AttachMount(int mount_fd, int target_fd, std::string_view subject) {
  if (move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
    return {};
  std::unexpected<Error> failure = SystemError("move_mount", subject);
  // The kernel says EINVAL, as for much else.
  bool directory = IsDirectory(mount_fd);
  if (directory && !IsDirectory(target_fd))
    return Fail(Code::kInvalidArgument, "mount on", subject, "the source is a directory, the target is not");
  if (!directory && IsDirectory(target_fd))
    return Fail(Code::kInvalidArgument, "mount on", subject, "the target is a directory, the source is not");
  return failure;
}

Result<> SetMountAttributes(int mount_fd, uint64_t attributes, bool recursive, std::string_view subject) {
  if (attributes == 0) return {};
  mount_attr change{};
  change.attr_set = attributes;
  // The access-time modes are values of one field, not flags: the field is cleared before one of them is set.
  if ((attributes & MOUNT_ATTR__ATIME) != 0) change.attr_clr = MOUNT_ATTR__ATIME;
  return SetAttributes(mount_fd, change, recursive, subject);
}

Result<> SetPropagation(int mount_fd, Propagation propagation, bool recursive, std::string_view subject) {
  mount_attr change{};
  change.propagation = PropagationFlag(propagation);
  return SetAttributes(mount_fd, change, recursive, subject);
}

}  // namespace davit::shim
