// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/reaper_init.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "shim/init/capabilities.h"
#include "shim/init/mount_api.h"
#include "shim/init/own_process.h"
#include "shim/init/root.h"
#include "shim/init/user_namespace.h"
#include "shim/sync.h"

namespace davit::shim {
namespace {

Result<> EnterEmptyRoot() {
  UniqueFd root =
      TRY(NewFilesystem("tmpfs", "size=4k,nr_inodes=1,mode=555",
                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  TRY(AttachRoot(root.get()));
  return PivotInto(root.get());
}

Result<> DropCapabilities() {
  // With an empty bounding set the exec gives user 0 nothing back.
  TRY(LimitBoundingSet(0));
  return SetCapabilities({});
}

Result<> Execute(const PodNamespaces& pod, int program) {
  if (setsid() < 0) return SystemError("setsid", "reaper");
  TRY(JoinPodNamespaces(pod, {}));
  TRY(EnterEmptyRoot());
  TRY(BecomeRoot());  // of the pod's user namespace: the host's root is nobody to be seen there
  TRY(DropCapabilities());
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_NO_NEW_PRIVS)", "1");
  // It must not outlive the shim: the daemon finds it in no cgroup of the pod's.
  TRY(DieWithShim());
  // Standard streams too: nothing stays open.
  if (close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return SystemError("close_range", "0");
  const char* argv[] = {"davit-reaper", nullptr};
  const char* envp[] = {nullptr};
  syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
  return SystemError("exec", "davit-reaper");
}

}  // namespace

void RunReaperInit(const PodNamespaces& pod, int program, int sync) {
  ReportAndExit(sync, Execute(pod, program).error());
}

}  // namespace davit::shim
