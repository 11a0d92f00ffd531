// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/sandbox.h"

#include <sched.h>
#include <signal.h>

#include <algorithm>

#include "base/frame.h"
#include "base/memfd.h"
#include "shim/init/reaper_init.h"
#include "shim/init/sandbox_setup.h"
#include "shim/init/user_namespace.h"
#include "shim/reaper_program.h"
#include "shim/sync.h"

namespace davit::shim {
namespace {

Result<ClonedProcess> AwaitBirth(int sync) {
  std::optional<Frame> born = TRY(AwaitChild(sync));
  if (!born) return Fail(Code::kInternal, "clone3", "child by a helper", "the helper was killed");
  return ReadBirth(*born);
}

NamespaceChoice NamespacesOf(const SandboxPlan& plan) {
  return {.net = plan.own_network, .ipc = plan.own_ipc, .uts = !plan.hostname.empty()};
}

}  // namespace

Result<> Sandbox::Prepare() {
  prepared_ = TRY(MakeNamespaces({}, UniqueFd()));
  return {};
}

Result<> Sandbox::Start(const SandboxPlan& plan) {
  if (plan.own_ipc && !shm_mounted_) {
    TRY(MountPodShm(plan));
    shm_mounted_ = true;
  }
  TRY(TakeNamespaces(plan));
  TRY(Configure(plan));
  if (plan.shared_pid && reaper() == nullptr) TRY(StartReaper());
  started_ = true;
  return {};
}

// The prepared namespaces belong to the initial user namespace. Those that the pod does not use are closed.
Result<> Sandbox::TakeNamespaces(const SandboxPlan& plan) {
  NamespaceChoice choice = NamespacesOf(plan);
  PodNamespaces prepared = std::exchange(prepared_, {});
  if (!plan.ids.empty() || !prepared.net) {
    UniqueFd user;
    if (!plan.ids.empty()) user = TRY(MakeUserNamespace(plan.ids, env_.own.proc.get()));
    namespaces_ = TRY(MakeNamespaces(choice, std::move(user)));
    return {};
  }
  namespaces_ = {};
  if (choice.net) namespaces_.net = std::move(prepared.net);
  if (choice.ipc) namespaces_.ipc = std::move(prepared.ipc);
  if (choice.uts) namespaces_.uts = std::move(prepared.uts);
  return {};
}

Result<PodNamespaces> Sandbox::MakeNamespaces(NamespaceChoice choice, UniqueFd user) {
  PodNamespaces made{.user = std::move(user), .net = {}, .ipc = {}, .uts = {}};
  if (!choice.net && !choice.ipc && !choice.uts) return made;
  auto [ours, childs] = TRY(FramePair());
  ClonedProcess child = TRY(Clone({}));
  if (child.pid == 0) RunNamespaceMaker(choice, env_.own, made.user.get(), childs.get());
  childs.Reset();
  std::optional<Frame> ready = TRY(AwaitChild(ours.get()));
  if (!ready) return Fail(Code::kInternal, "make namespaces", "pod", "the child ended without a word");
  if (choice.net) made.net = TRY(ready->fds.Require(SyncFd::kNetNamespace, "make namespaces", "net"));
  if (choice.ipc) made.ipc = TRY(ready->fds.Require(SyncFd::kIpcNamespace, "make namespaces", "ipc"));
  if (choice.uts) made.uts = TRY(ready->fds.Require(SyncFd::kUtsNamespace, "make namespaces", "uts"));
  return made;
}

Result<> Sandbox::Configure(const SandboxPlan& plan) {
  for (const Sysctl& sysctl : plan.sysctls) TRY(CheckSysctl(plan, sysctl.path));
  if (!plan.hostname.empty()) TRY(SetHostname(env_.own, namespaces_.uts.get(), plan.hostname));
  // Ids in a value are those of the writer's user namespace: with one of its own the pod's child writes all.
  bool own_ids = !plan.ids.empty();
  if (!own_ids && std::ranges::any_of(plan.sysctls, IsNetworkSysctl))
    TRY(WriteNetworkSysctls(env_.own, namespaces_.net.get(), plan.sysctls));
  if (plan.sysctls.empty() || (!own_ids && std::ranges::all_of(plan.sysctls, IsNetworkSysctl))) return {};
  auto [ours, childs] = TRY(FramePair());
  ClonedProcess child = TRY(Clone({}));
  if (child.pid == 0) RunSysctlWriter(plan, env_.own, namespaces_, childs.get());
  childs.Reset();
  if (TRY(AwaitChild(ours.get()))) return {};
  return Fail(Code::kInternal, "write sysctls", plan.sandbox_id, "the child ended without a word");
}

Result<> Sandbox::StartReaper() {
  UniqueFd program = TRY(MakeSealedMemfd("davit-reaper", ReaperProgram(), MemfdUse::kExecutable));
  auto [ours, childs] = TRY(FramePair());
  CloneTarget target{.namespaces = CLONE_NEWPID | CLONE_NEWNS, .user_namespace = namespaces_.user.get()};
  bool by_helper = namespaces_.user.valid();
  ClonedProcess child = TRY(by_helper ? CloneByHelper(target, childs.get()) : Clone(target));
  if (child.pid == 0) RunReaperInit(namespaces_, program.get(), childs.get());
  childs.Reset();
  if (by_helper) child = TRY(AwaitBirth(ours.get()));
  auto executed = AwaitChild(ours.get());
  if (!executed) return std::unexpected(Within("start the pod's PID 1", executed.error()));
  reaper_ = std::move(child);
  env_.children.Watch(reaper_.pid, [this](ExitStatus) { OnReaperExit(); });
  return {};
}

void Sandbox::Stop(std::function<void()> done) {
  started_ = false;
  if (reaper() == nullptr) return done();
  on_stopped_ = std::move(done);
  [[maybe_unused]] Result<> killed = reaper_.pidfd.Signal(SIGKILL);
}

void Sandbox::OnReaperExit() {
  reaper_ = {};
  if (on_stopped_) return std::exchange(on_stopped_, nullptr)();
  // Nothing can join a PID namespace whose first process is gone (pid_namespaces(7)).
  failure_ = "the first process of the pod's shared PID namespace ended";
  env_.log.Log(LogLevel::kError, "the sandbox failed", {{"reason", failure_}});
  on_failed_();
}

}  // namespace davit::shim
