// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/sandbox.h"

#include <sched.h>
#include <signal.h>

#include "base/frame.h"
#include "base/memfd.h"
#include "shim/init/reaper_init.h"
#include "shim/init/sandbox_setup.h"
#include "shim/init/user_namespace.h"
#include "shim/reaper_program.h"
#include "shim/sync.h"

namespace davit {
namespace {

UniqueFd TakeNext(Frame& frame, size_t& next, bool wanted) {
  return wanted && next < frame.fds.size() ? std::move(frame.fds[next++]) : UniqueFd();
}

}  // namespace

Result<> Sandbox::Start(const SandboxPlan& plan) {
  if (plan.own_ipc && !shm_mounted_) {
    TRY(MountPodShm(plan.shm_bytes, plan.ids));
    shm_mounted_ = true;
  }
  TRY(MakeNamespaces(plan));
  if (plan.shared_pid && reaper() == nullptr) TRY(StartReaper());
  started_ = true;
  return {};
}

Result<> Sandbox::MakeNamespaces(const SandboxPlan& plan) {
  for (const Sysctl& sysctl : plan.sysctls) TRY(CheckSysctl(plan, sysctl.path));
  if (!plan.ids.empty()) namespaces_.user = TRY(MakeUserNamespace(plan.ids, env_.own.proc.get()));
  uint64_t flags = SandboxNamespaces(plan);
  if (flags == 0) return {};
  auto [ours, childs] = TRY(FramePair());
  ClonedProcess child = TRY(Clone({}));
  if (child.pid == 0) RunSandboxSetup(plan, env_.own, namespaces_.user.get(), childs.get());
  childs.Reset();
  std::optional<Frame> ready = TRY(AwaitChild(ours.get()));
  size_t expected = static_cast<size_t>(__builtin_popcountll(flags));
  if (!ready || ready->fds.size() != expected) {
    return Fail(Code::kInternal, "set up sandbox", plan.sandbox_id, "the child ended without a word");
  }
  size_t next = 0;
  namespaces_.net = TakeNext(*ready, next, plan.own_network);
  namespaces_.ipc = TakeNext(*ready, next, plan.own_ipc);
  namespaces_.uts = TakeNext(*ready, next, !plan.hostname.empty());
  return {};
}

Result<> Sandbox::StartReaper() {
  UniqueFd program = TRY(MakeSealedMemfd("davit-reaper", ReaperProgram(), MemfdUse::kExecutable));
  auto [ours, childs] = TRY(FramePair());
  ClonedProcess child =
      TRY(Clone({.namespaces = CLONE_NEWPID | CLONE_NEWNS, .user_namespace = namespaces_.user.get()}));
  if (child.pid == 0) RunReaperInit(namespaces_, program.get(), childs.get());
  childs.Reset();
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
  env_.log.Log(LogLevel::kError, "the pod's PID 1 was killed, and its containers with it");
}

}  // namespace davit
