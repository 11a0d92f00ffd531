// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/exec_init.h"

#include <fcntl.h>
#include <sched.h>

#include "base/file_io.h"
#include "shim/init/console.h"
#include "shim/init/exec_profile.h"
#include "shim/init/own_process.h"
#include "shim/init/user_namespace.h"

namespace davit::shim {
namespace {

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

Result<UniqueFd> EnterContainer(ExecInputs& inputs, int sync) {
  TRY(CloseAllBut(DescriptorsOfExec(inputs, sync)));
  if (setsid() < 0) return SystemError("setsid", "exec");
  TRY(JoinCgroups(*inputs.cgroup));
  if (HasExecProfile(inputs.plan)) inputs.process.exec_profile = TRY(OpenExecProfileInside(inputs.plan));
  // All at once, the user namespace first, and its root and working directory become those of the mount
  // namespace (setns(2)).
  int namespaces = kNamespaces | (inputs.has_user_namespace ? CLONE_NEWUSER : 0);
  if (setns(inputs.container->get(), namespaces) < 0)
    return SystemError("setns", "the container's namespaces");
  if (inputs.has_user_namespace) TRY(MakeFilesAsRoot());
  TRY(DieWithShim());
  return OpenAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
}

// One of the container's own, whose controller goes to the shim. Returns the process' end.
Result<UniqueFd> MakeTerminal(ExecInputs& inputs, int root_fd, int sync) {
  Console console = TRY(OpenTerminal(root_fd, inputs.window));
  RoleFd controller[] = {{SyncFd::kController, console.controller.get()}};
  TRY(SendSync(sync, SyncMessage::kConsole, {}, controller));
  inputs.process.terminal = console.peer.get();
  for (int& stream : inputs.process.stdio) stream = console.peer.get();
  return std::move(console.peer);
}

}  // namespace

std::vector<int> DescriptorsOfExec(const ExecInputs& inputs, int sync) {
  std::vector<int> own = {sync, inputs.container->get(), inputs.process.spare_null};
  own.insert(own.end(), std::begin(inputs.process.stdio), std::end(inputs.process.stdio));
  for (const UniqueFd& procs : inputs.cgroup->procs) own.push_back(procs.get());
  return own;
}

void RunExecInit(ExecInputs& inputs, int sync) {
  inputs.process.plan = &inputs.plan;
  Result<UniqueFd> root = EnterContainer(inputs, sync);
  if (!root) ReportAndExit(sync, root.error());
  Result<> released = AwaitRelease(sync);
  if (!released) ReportAndExit(sync, released.error());
  Result<UniqueFd> terminal = inputs.plan.terminal ? MakeTerminal(inputs, root->get(), sync) : UniqueFd();
  if (!terminal) ReportAndExit(sync, terminal.error());
  ReportAndExit(sync, BecomeProcess(std::move(inputs.process), root->get(), sync));
}

}  // namespace davit::shim
