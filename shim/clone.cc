// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/clone.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cstdlib>

#include "shim/init/own_process.h"
#include "shim/init/user_namespace.h"
#include "shim/sync.h"

namespace davit::shim {

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

Error Explain(Error error, const CloneTarget& target) {
  bool gone = target.pid_namespace >= 0 && (error.os_errno == ENOMEM || error.os_errno == ESRCH);
  if (!gone) return error;
  error.os_errno = ESRCH;
  error.code = Code::kFailedPrecondition;
  return error;
}

Result<> Announce(const ClonedProcess& child, int sync) {
  RoleFd fds[] = {{SyncFd::kProcess, child.pidfd.get()}};
  return SendSync(sync, SyncMessage::kBorn, std::to_string(child.pid), fds);
}

// In the helper: makes the child, as a sibling of its own, and returns in that only.
ClonedProcess ForkInside(const CloneTarget& target, int sync) {
  Result<> prepared = PrepareInside(target, sync);
  if (!prepared) ReportAndExit(sync, Explain(prepared.error(), target));
  Result<ClonedProcess> child = Fork({.namespaces = target.namespaces}, Parent::kCallersParent);
  if (!child) ReportAndExit(sync, Explain(child.error(), target));
  if (child->pid != 0) _exit(Announce(*child, sync) ? 0 : 1);
  return std::move(*child);
}

}  // namespace

Result<ClonedProcess> Clone(const CloneTarget& target) {
  if (target.pid_namespace < 0) return Fork(target);
  // setns(CLONE_NEWPID) moves future children only, the caller stays where it is (pid_namespaces(7)).
  if (setns(target.pid_namespace, CLONE_NEWPID) < 0)
    return std::unexpected(Explain(SystemError("setns", "PID namespace").error(), target));
  Result<ClonedProcess> child = Fork(target);
  if (child && child->pid == 0) return child;
  // Whatever is cloned next would be born in a pod's namespace: there is no way to go on.
  if (setns(target.own_pid_namespace, CLONE_NEWPID) < 0) abort();
  if (!child) return std::unexpected(Explain(child.error(), target));
  return child;
}

Result<ClonedProcess> CloneByHelper(const CloneTarget& target, int sync) {
  ClonedProcess helper = TRY(Fork({.cgroup = target.cgroup}));
  if (helper.pid == 0) return ForkInside(target, sync);
  return helper;
}

Result<ClonedProcess> ReadBirth(Frame& born) {
  if (born.type != static_cast<uint32_t>(SyncMessage::kBorn))
    return Fail(Code::kInternal, "read birth", "sync socket", "not a birth");
  UniqueFd process = TRY(born.fds.Require(SyncFd::kProcess, "read birth", "sync socket"));
  return ClonedProcess{static_cast<pid_t>(atoi(born.payload.c_str())), PidFd(std::move(process))};
}

bool LacksFirstProcess(const Error& error) {
  return error.os_errno == ESRCH;
}

}  // namespace davit::shim
