// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <string>

#include "images/unpack/syscall_filter.h"

namespace davit::images {
namespace {

constexpr uint64_t kKeptCapabilities = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER |
                                       1ULL << CAP_FSETID | 1ULL << CAP_MKNOD | 1ULL << CAP_SETFCAP;

#ifndef DAVIT_SANITIZED
constexpr rlim_t kAddressSpace = 2ULL << 30;
// The window of zstd (128 MiB), the directories of a layer (UnpackLimits::dir_bytes), and the rest.
constexpr rlim_t kData = 640ULL << 20;
#endif
constexpr rlim_t kOpenFiles = 64;

Result<> LowerLimit(int resource, const char* name, rlim_t wanted) {
  rlimit limit;
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) < 0) return SystemError("getrlimit", name);
  rlim_t lowered = std::min(wanted, limit.rlim_max);
  limit = {lowered, lowered};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) < 0) return SystemError("setrlimit", name);
  return {};
}

Result<> LowerLimits(rlim_t open_files) {
  TRY(LowerLimit(RLIMIT_CORE, "core", 0));
  TRY(LowerLimit(RLIMIT_NOFILE, "nofile", open_files));
#ifndef DAVIT_SANITIZED  // a sanitizer's shadow memory is terabytes of address space
  TRY(LowerLimit(RLIMIT_AS, "as", kAddressSpace));
  TRY(LowerLimit(RLIMIT_DATA, "data", kData));
#endif
  return {};
}

// Except 0, 1, 2, `report_fd` (4 or above) and the one after it.
Result<> CloseOthers(int report_fd) {
  auto report = static_cast<unsigned>(report_fd);
  if (close_range(3, report - 1, 0) < 0 || close_range(report + 2, ~0U, 0) < 0)
    return SystemError("close_range", "inherited descriptors");
  return {};
}

}  // namespace

Result<> LimitOwnProcess(uint64_t open_files) {
  umask(0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return SystemError("prctl", "no_new_privs");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return SystemError("prctl", "dumpable");
  return LowerLimits(open_files);
}

// open_tree(2) refuses the mounts of another mount namespace: call it before EnterTree.
Result<UniqueFd> CloneTree(int dir_fd) {
  UniqueFd tree(static_cast<int>(
      syscall(SYS_open_tree, dir_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return SystemError("open_tree", "directory");
  return tree;
}

// The tree is attached on top of the new namespace's root, and then becomes it.
Result<> EnterTree(int tree_fd, uint64_t attributes) {
  if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0) {
    return SystemError("unshare", "namespaces");
  }
  // pivot_root(2) refuses shared mounts, and nothing may propagate back. The copy of a shared mount is
  // shared.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return SystemError("make private", "/");
  mount_attr wanted{};
  wanted.attr_set = attributes | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  wanted.propagation = MS_PRIVATE;
  if (syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted) < 0) {
    return SystemError("mount_setattr", "new root");
  }
  if (syscall(SYS_move_mount, tree_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    return SystemError("move_mount", "new root");
  }
  if (fchdir(tree_fd) < 0) return SystemError("fchdir", "new root");
  if (syscall(SYS_pivot_root, ".", ".") < 0) return SystemError("pivot_root", "new root");
  // The old root is stacked on the new one now.
  if (umount2(".", MNT_DETACH) < 0) return SystemError("umount", "old root");
  if (chdir("/") < 0) return SystemError("chdir", "/");
  return {};
}

Result<> DropCapabilities(uint64_t kept) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      return SystemError("prctl(PR_CAPBSET_DROP)", std::to_string(capability));
    }
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  for (int word = 0; word < 2; ++word) {
    data[word].effective = data[word].permitted = static_cast<uint32_t>(kept >> (32 * word));
  }
  if (syscall(SYS_capset, &header, data) < 0) return SystemError("capset", "own process");
  return {};
}

Result<UniqueFd> Confine(int layer_fd, int report_fd) {
  TRY(LimitOwnProcess(kOpenFiles));
  {
    UniqueFd layer = TRY(CloneTree(layer_fd));
    TRY(EnterTree(layer.get(), /*attributes=*/0));
  }
  TRY(CloseOthers(report_fd));
  UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return SystemError("open", "/");
  TRY(DropCapabilities(kKeptCapabilities));
  TRY(LoadSyscallFilter());
  return root;
}

}  // namespace davit::images
