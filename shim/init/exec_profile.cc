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

namespace davit::shim {
namespace {

const std::string& AppArmorOf(const ProcessPlan& plan) {
  return plan.apparmor_profile;
}

const std::string& SeLinuxOf(const ProcessPlan& plan) {
  return plan.selinux.process;
}

Result<UniqueFd> OpenAttribute(int proc_fd, const std::string& name) {
  std::string file = TRY(OwnProcName(proc_fd)) + "/attr/" + name;
  UniqueFd fd = TRY(OpenBeneath(proc_fd, file, Resolve::kStrict, O_WRONLY));
  struct statfs filesystem;
  if (fstatfs(fd.get(), &filesystem) < 0) return SystemError("fstatfs", file);
  if (filesystem.f_type != PROC_SUPER_MAGIC)
    return Fail(Code::kPermissionDenied, "open attribute", file, "it is not in procfs");
  return fd;
}

// Otherwise SELinux would deny the container its own session keyring. execve resets this.
Result<> OwnKeyringsAs(const std::string& context, int proc_fd) {
  UniqueFd fd = TRY(OpenAttribute(proc_fd, "keycreate"));
  if (write(fd.get(), context.data(), context.size()) < 0) return SystemError("own keyrings as", context);
  return {};
}

}  // namespace

bool HasExecProfile(const ProcessPlan& plan) {
  return !AppArmorOf(plan).empty() || !SeLinuxOf(plan).empty();
}

Result<UniqueFd> OpenExecProfile(const ProcessPlan& plan, int proc_fd) {
  if (!AppArmorOf(plan).empty() && !SeLinuxOf(plan).empty())
    return Fail(Code::kInvalidArgument, "confine by", SeLinuxOf(plan),
                "there is an AppArmor profile as well");
  if (!AppArmorOf(plan).empty()) return OpenAttribute(proc_fd, "apparmor/exec");
  // The file would be there without SELinux as well, and might take the name for another module's.
  UniqueFd fd = TRY(OpenAttribute(proc_fd, "exec"));
  TRY(OwnKeyringsAs(SeLinuxOf(plan), proc_fd));
  return fd;
}

// Processes and nothing else: whoever may trace the caller finds no way to the kernel's settings in it.
Result<UniqueFd> OpenExecProfileInside(const ProcessPlan& plan) {
  UniqueFd procfs =
      TRY(NewFilesystem("proc", "subset=pid", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  return OpenExecProfile(plan, procfs.get());
}

Result<> ChangeOnExec(const ProcessPlan& plan, int fd) {
  const std::string& context = SeLinuxOf(plan);
  std::string command = context.empty() ? "exec " + AppArmorOf(plan) : context;
  if (write(fd, command.data(), command.size()) >= 0) return {};
  return context.empty() ? SystemError("apply AppArmor profile", AppArmorOf(plan))
                         : SystemError("apply SELinux context", context);
}

}  // namespace davit::shim
