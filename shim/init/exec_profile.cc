// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/exec_profile.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "shim/init/mount_api.h"
#include "shim/init/own_process.h"

namespace davit {

Result<UniqueFd> OpenExecProfile(int proc_fd) {
  std::string file = TRY(OwnProcName(proc_fd)) + "/attr/apparmor/exec";
  UniqueFd fd = TRY(OpenBeneath(proc_fd, file, Resolve::kStrict, O_WRONLY));
  struct statfs filesystem;
  if (fstatfs(fd.get(), &filesystem) < 0) return SystemError("fstatfs", file);
  if (filesystem.f_type != PROC_SUPER_MAGIC)
    return Fail(Code::kPermissionDenied, "open AppArmor attribute", file, "it is not in procfs");
  return fd;
}

// Processes and nothing else: whoever may trace the caller finds no way to the kernel's settings in it.
Result<UniqueFd> OpenExecProfileInside() {
  UniqueFd procfs =
      TRY(NewFilesystem("proc", "subset=pid", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  return OpenExecProfile(procfs.get());
}

Result<> ChangeProfileOnExec(int fd, const std::string& profile) {
  std::string command = "exec " + profile;
  if (write(fd, command.data(), command.size()) < 0) return SystemError("apply AppArmor profile", profile);
  return {};
}

}  // namespace davit
