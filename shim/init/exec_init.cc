// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/exec_init.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

#include "base/file_io.h"

namespace davit {
namespace {

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

Result<UniqueFd> EnterContainer(const ExecInputs& inputs) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_PDEATHSIG)", "SIGKILL");
  if (setsid() < 0) return SystemError("setsid", "exec");
  TRY(JoinCgroups(*inputs.cgroup));
  // All at once, and its root and working directory become those of the mount namespace (setns(2)).
  if (setns(inputs.container->get(), kNamespaces) < 0)
    return SystemError("setns", "the container's namespaces");
  return OpenAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
}

}  // namespace

void RunExecInit(ExecInputs& inputs, int sync) {
  inputs.process.plan = &inputs.plan;
  Result<UniqueFd> root = EnterContainer(inputs);
  if (!root) ReportAndExit(sync, root.error());
  Result<> released = AwaitRelease(sync);
  if (!released) ReportAndExit(sync, released.error());
  ReportAndExit(sync, BecomeProcess(std::move(inputs.process), root->get(), sync));
}

}  // namespace davit
