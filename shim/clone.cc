// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/clone.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstdlib>

#include "base/frame.h"
#include "shim/init/own_process.h"
#include "shim/init/user_namespace.h"
#include "shim/sync.h"

namespace davit {

namespace {

enum class Parent : uint8_t { kCaller, kCallersParent };

Result<ClonedProcess> Fork(const CloneTarget& target, Parent parent = Parent::kCaller) {
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_PIDFD | target.namespaces;
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  // A sibling raises the signal that the caller itself will raise, and takes no other (clone(2)).
  if (parent == Parent::kCaller) args.exit_signal = SIGCHLD;
  if (parent == Parent::kCallersParent) args.flags |= CLONE_PARENT;
  if (target.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(target.cgroup);
  }
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return SystemError("clone3", "child");
  if (pid == 0) return ClonedProcess{};
  return ClonedProcess{static_cast<pid_t>(pid), PidFd(UniqueFd(pidfd))};
}

Result<> PrepareInside(const CloneTarget& target, int sync) {
  if (target.pid_namespace >= 0 && setns(target.pid_namespace, CLONE_NEWPID) < 0)
    return SystemError("setns", "PID namespace");
  if (target.user_namespace >= 0) TRY(EnterUserNamespace(target.user_namespace));
  if (!target.descriptors) return {};
  std::vector<int> kept = *target.descriptors;
  kept.push_back(sync);
  return CloseAllBut(std::move(kept));
}

// In the process in between: makes the child, as a sibling of its own, and returns in that only.
Result<ClonedProcess> ForkInside(const CloneTarget& target, int sync) {
  Result<> prepared = PrepareInside(target, sync);
  if (!prepared) ReportAndExit(sync, prepared.error());
  Result<ClonedProcess> child = Fork({.namespaces = target.namespaces}, Parent::kCallersParent);
  if (!child) ReportAndExit(sync, child.error());
  if (child->pid == 0) return child;
  RoleFd fds[] = {{SyncFd::kProcess, child->pidfd.get()}};
  Result<> told = SendSync(sync, SyncMessage::kReady, std::to_string(child->pid), fds);
  _exit(told ? 0 : 1);
}

// Nobody comes back from a user namespace, so somebody else goes there. And somebody else closes what the
// child is not to have, before it is born among others who may look.
Result<ClonedProcess> ForkThroughAnother(const CloneTarget& target) {
  auto [ours, others] = TRY(FramePair());
  ClonedProcess between = TRY(Fork({.cgroup = target.cgroup}));
  if (between.pid == 0) {
    ours.Reset();
    return ForkInside(target, others.get());
  }
  others.Reset();
  Result<std::optional<Frame>> ready = AwaitChild(ours.get());
  waitpid(between.pid, nullptr, 0);
  if (!ready) return std::unexpected(ready.error());
  if (!*ready) return Fail(Code::kInternal, "clone3", "child by another", "no word came");
  UniqueFd process = TRY((*ready)->fds.Require(SyncFd::kProcess, "clone3", "child by another"));
  return ClonedProcess{static_cast<pid_t>(atoi((*ready)->payload.c_str())), PidFd(std::move(process))};
}

}  // namespace

Result<ClonedProcess> Clone(const CloneTarget& target) {
  if (target.user_namespace >= 0 || target.descriptors) return ForkThroughAnother(target);
  if (target.pid_namespace < 0) return Fork(target);
  // setns(CLONE_NEWPID) moves future children only, the caller stays where it is (pid_namespaces(7)).
  if (setns(target.pid_namespace, CLONE_NEWPID) < 0) return SystemError("setns", "PID namespace");
  Result<ClonedProcess> child = Fork(target);
  if (child && child->pid == 0) return child;
  // Whatever is cloned next would be born in a pod's namespace: there is no way to go on.
  if (setns(target.own_pid_namespace, CLONE_NEWPID) < 0) abort();
  return child;
}

bool LacksFirstProcess(const Error& error) {
  return error.os_errno == ENOMEM || error.os_errno == ESRCH;
}

}  // namespace davit
