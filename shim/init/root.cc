// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/root.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "base/file_io.h"
#include "shim/init/mount_api.h"
#include "shim/own_mounts.h"

namespace davit::shim {

Result<> AttachRoot(int rootfs) {
  TRY(SetPropagation(rootfs, Propagation::kPrivate, /*recursive=*/true, "rootfs"));
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, kRootfsDir, O_PATH | O_DIRECTORY));
  return AttachMount(rootfs, directory.get(), "rootfs");
}

Result<> PivotInto(int rootfs) {
  if (fchdir(rootfs) < 0) return SystemError("fchdir", "rootfs");
  // The old root ends up mounted on top of the new one, where "." leads to it (pivot_root(2), NOTES).
  if (syscall(SYS_pivot_root, ".", ".") < 0) return SystemError("pivot_root", "rootfs");
  if (umount2(".", MNT_DETACH) < 0) return SystemError("umount2", "old root");
  if (chdir("/") < 0) return SystemError("chdir", "/");
  return {};
}

}  // namespace davit::shim
