// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/container_init.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <span>

#include "base/file_io.h"
#include "shim/init/container_tree.h"
#include "shim/init/exec_profile.h"
#include "shim/init/mount_api.h"
#include "shim/init/mounts.h"
#include "shim/init/own_process.h"

namespace davit::shim {
namespace {

void Append(std::vector<int>& numbers, std::span<const UniqueFd> fds) {
  for (const UniqueFd& fd : fds) numbers.push_back(fd.get());
}

std::vector<int> DescriptorsOfBuilder(const InitInputs& inputs, int sync, int handover) {
  std::vector<int> own = DescriptorsOfWaitingInit(inputs, sync, handover);
  own.insert(own.end(), {inputs.own->proc.get(), inputs.own->mount_namespace.get(), inputs.rootfs.get(),
                         inputs.host_mounts.get(), inputs.cgroup_dir.get(), inputs.cgroup->unified.get()});
  Append(own, inputs.images);
  return own;
}

// A session of its own, no umask in the way of the modes that the plan asks for, and an end of its own should
// the shim die before the program runs (the shim's death closes the sync socket as well, but this child may
// hang elsewhere).
Result<> Detach(const std::string& id) {
  TRY(DieWithShim());
  (void)prctl(PR_SET_NAME, "davit-init", 0, 0, 0);  // to be told from the shim when it hangs
  if (setsid() < 0) return SystemError("setsid", id);
  umask(0);
  return {};
}

void UseTerminal(int peer, ProcessInputs& process) {
  process.terminal = peer;
  for (int& stream : process.stdio) stream = peer;
}

Result<> SendConsole(int sync, const Console& console) {
  RoleFd controller[] = {{SyncFd::kController, console.controller.get()}};
  return SendSync(sync, SyncMessage::kConsole, {}, controller);
}

// Of the PID namespace that the caller is in.
Result<> SendProcfs(const ContainerPlan& plan, int handover) {
  const MountStep* step = FindMount(plan, MountKind::kProc);
  if (step == nullptr) return SendSync(handover, SyncMessage::kReady);
  UniqueFd procfs = TRY(NewFilesystem("proc", step->options, step->attributes));
  RoleFd fds[] = {{SyncFd::kProcfs, procfs.get()}};
  return SendSync(handover, SyncMessage::kReady, {}, fds);
}

// Nothing when the plan has none.
Result<UniqueFd> AwaitProcfs(const std::string& id, int handover) {
  std::optional<Frame> frame = TRY(AwaitChild(handover));
  // It has told the shim why.
  if (!frame) return Fail(Code::kInternal, "await procfs", id, "the container's first process ended");
  return frame->fds.Take(SyncFd::kProcfs);
}

// Uses the shim's procfs, or the container's own if other processes may watch the caller.
Result<> OpenOwnExecProfile(InitInputs& inputs) {
  const ProcessPlan& process = inputs.plan.process;
  if (!HasExecProfile(process)) return {};
  inputs.process.exec_profile =
      TRY(MayBeWatched(inputs.plan) ? OpenExecProfileInside(process)
                                    : OpenExecProfile(process, inputs.own->proc.get()));
  return {};
}

Result<ContainerTree> MakeTree(InitInputs& inputs, int sync, int handover = -1) {
  TRY(CloseAllBut(DescriptorsOfBuilder(inputs, sync, handover)));
  TRY(Detach(inputs.plan.container_id));
  if (MayBeWatched(inputs.plan)) inputs.procfs = TRY(AwaitProcfs(inputs.plan.container_id, handover));
  ContainerTree tree = TRY(BuildContainerTree(inputs));
  if (tree.console.controller) TRY(SendConsole(sync, tree.console));
  return tree;
}

Error BuildAndBecome(InitInputs& inputs, int sync) {
  Result<> opened = OpenOwnExecProfile(inputs);
  if (!opened) return opened.error();
  Result<ContainerTree> tree = MakeTree(inputs, sync);
  if (!tree) return tree.error();
  Result<> released = AwaitRelease(sync);
  if (!released) return released.error();
  if (tree->console.peer) UseTerminal(tree->console.peer.get(), inputs.process);
  return BecomeProcess(std::move(inputs.process), tree->root.get(), sync);
}

// The mount namespace, and the terminal's peer if there is one.
Result<> HandOver(InitInputs& inputs, int sync, int handover) {
  ContainerTree tree = TRY(MakeTree(inputs, sync, handover));
  UniqueFd mounts = TRY(OpenAt(inputs.own->proc.get(), "self/ns/mnt", O_RDONLY));
  std::vector<RoleFd> fds = {{SyncFd::kMountNamespace, mounts.get()}};
  if (tree.console.peer) fds.emplace_back(SyncFd::kTerminal, tree.console.peer.get());
  return SendSync(handover, SyncMessage::kReady, {}, fds);
}

Result<Frame> AwaitTree(const std::string& id, int handover) {
  std::optional<Frame> frame = TRY(AwaitChild(handover));
  // Its builder has told the shim why.
  if (!frame) return Fail(Code::kInternal, "await file tree", id, "its builder ended");
  return std::move(*frame);
}

// `terminal` keeps what the process will have.
Result<UniqueFd> EnterTree(InitInputs& inputs, Frame& tree, UniqueFd& terminal) {
  UniqueFd mounts =
      TRY(tree.fds.Require(SyncFd::kMountNamespace, "await file tree", inputs.plan.container_id));
  if (setns(mounts.get(), CLONE_NEWNS) < 0) return SystemError("setns", "the container's file tree");
  terminal = tree.fds.Take(SyncFd::kTerminal);
  if (terminal) UseTerminal(terminal.get(), inputs.process);
  return OpenAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
}

Result<> JoinOthers(InitInputs& inputs, int sync, int handover) {
  const ContainerPlan& plan = inputs.plan;
  TRY(Detach(plan.container_id));
  TRY(OpenOwnExecProfile(inputs));
  TRY(CloseAllBut(DescriptorsOfWaitingInit(inputs, sync, handover)));
  if (MayBeWatched(plan)) TRY(SendProcfs(plan, handover));
  TRY(JoinPodNamespaces(*inputs.pod, NamespacesOf(plan)));
  TRY(AwaitRelease(sync));
  TRY(JoinCgroups(*inputs.cgroup));
  if (!plan.host_cgroup && unshare(CLONE_NEWCGROUP) < 0) return SystemError("unshare", "cgroup namespace");
  return {};
}

Error AwaitAndBecome(InitInputs& inputs, int sync, int handover) {
  Result<> joined = JoinOthers(inputs, sync, handover);
  if (!joined) return joined.error();
  Result<Frame> tree = AwaitTree(inputs.plan.container_id, handover);
  if (!tree) return tree.error();
  UniqueFd terminal;
  Result<UniqueFd> root = EnterTree(inputs, *tree, terminal);
  if (!root) return root.error();
  return BecomeProcess(std::move(inputs.process), root->get(), sync);
}

}  // namespace

bool MayBeWatched(const ContainerPlan& plan) {
  return plan.ids.empty() && (plan.pid == NamespaceUse::kPod || plan.pid == NamespaceUse::kTarget);
}

std::vector<int> DescriptorsOfWaitingInit(const InitInputs& inputs, int sync, int handover) {
  const PodNamespaces& pod = *inputs.pod;
  std::vector<int> own = {sync,
                          handover,
                          pod.user.get(),
                          pod.net.get(),
                          pod.ipc.get(),
                          pod.uts.get(),
                          inputs.process.spare_null,
                          inputs.process.exec_profile.get()};
  bool opens_by_shims_procfs = HasExecProfile(inputs.plan.process) && !MayBeWatched(inputs.plan);
  if (opens_by_shims_procfs && !inputs.process.exec_profile) own.push_back(inputs.own->proc.get());
  own.insert(own.end(), std::begin(inputs.process.stdio), std::end(inputs.process.stdio));
  Append(own, inputs.cgroup->procs);
  return own;
}

void RunContainerInit(InitInputs& inputs, int sync) {
  inputs.process.plan = &inputs.plan.process;
  ReportAndExit(sync, BuildAndBecome(inputs, sync));
}

void RunTreeBuilder(InitInputs& inputs, int sync, int handover) {
  Result<> done = HandOver(inputs, sync, handover);
  if (!done) ReportAndExit(sync, done.error());
  _exit(0);
}

void RunWaitingInit(InitInputs& inputs, int sync, int handover) {
  inputs.process.plan = &inputs.plan.process;
  ReportAndExit(sync, AwaitAndBecome(inputs, sync, handover));
}

}  // namespace davit::shim
