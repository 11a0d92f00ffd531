// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/own_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/file_io.h"
#include "shim/init/dev.h"
#include "shim/init/mount_api.h"

namespace davit::shim {
namespace {

Result<UniqueFd> MakeRoot() {
  UniqueFd root =
      TRY(NewFilesystem("tmpfs", "size=16k,nr_inodes=8,mode=755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  if (mkdirat(root.get(), kRootfsDir + 1, 0755) < 0) return SystemError("mkdir", kRootfsDir);
  if (mkdirat(root.get(), kShmDir + 1, 0755) < 0) return SystemError("mkdir", kShmDir);
  if (mknodat(root.get(), kNullFile + 1, S_IFCHR | 0666, makedev(1, 3)) < 0)
    return SystemError("mknod", kNullFile);
  UniqueFd null = TRY(OpenAt(root.get(), kNullFile + 1, O_PATH | O_NOFOLLOW));
  TRY(VerifyDevNull(null.get()));
  return root;
}

// The new root is put on top of the old one, takes its place, and the old one, now on top in turn, goes
// (pivot_root(2)).
Result<> SwapRoot(int root_fd) {
  UniqueFd old_root = TRY(OpenAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
  TRY(AttachMount(root_fd, old_root.get(), "/"));
  if (fchdir(root_fd) < 0) return SystemError("fchdir", "own root");
  if (syscall(SYS_pivot_root, ".", ".") < 0) return SystemError("pivot_root", "own root");
  if (umount2(".", MNT_DETACH) < 0) return SystemError("umount2", "the host's root");
  if (chdir("/") < 0) return SystemError("chdir", "/");
  return {};
}

}  // namespace

Result<OwnMounts> EnterOwnMounts() {
  if (unshare(CLONE_NEWNS) < 0) return SystemError("unshare", "mount namespace");
  // Not to take the host's mounts away from the host: its root is often shared, and so would be its
  // unmounting.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return SystemError("mount(MS_PRIVATE)", "/");
  UniqueFd root = TRY(MakeRoot());
  TRY(SwapRoot(root.get()));
  TRY(SetMountAttributes(root.get(), MOUNT_ATTR_RDONLY, /*recursive=*/false, "own root"));

  OwnMounts own;
  own.proc = TRY(NewFilesystem("proc", "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  own.mount_namespace = TRY(OpenAt(own.proc.get(), "self/ns/mnt", O_RDONLY));
  own.pid_namespace = TRY(OpenAt(own.proc.get(), "self/ns/pid", O_RDONLY));
  return own;
}

Result<> MountPodShm(const SandboxPlan& plan) {
  std::string options = "mode=1777,size=" + std::to_string(plan.shm_bytes) +
                        ",uid=" + std::to_string(plan.ids.uids.outside) +
                        ",gid=" + std::to_string(plan.ids.gids.outside);
  UniqueFd shm = TRY(NewFilesystem("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                                   plan.selinux_files));
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, kShmDir, O_PATH | O_DIRECTORY));
  return AttachMount(shm.get(), directory.get(), kShmDir);
}

}  // namespace davit::shim
