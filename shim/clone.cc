// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/clone.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cstdlib>

namespace davit {

namespace {

Result<ClonedProcess> Fork(const CloneTarget& target) {
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_PIDFD | target.namespaces;
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (target.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(target.cgroup);
  }
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return SystemError("clone3", "child");
  if (pid == 0) return ClonedProcess{};
  return ClonedProcess{static_cast<pid_t>(pid), PidFd(UniqueFd(pidfd))};
}

}  // namespace

Result<ClonedProcess> Clone(const CloneTarget& target) {
  if (target.pid_namespace < 0) return Fork(target);
  // setns(CLONE_NEWPID) moves future children only, the caller stays where it is (pid_namespaces(7)).
  if (setns(target.pid_namespace, CLONE_NEWPID) < 0) return SystemError("setns", "PID namespace");
  Result<ClonedProcess> child = Fork(target);
  if (child && child->pid == 0) return child;
  // Whatever is cloned next would be born in a pod's namespace: there is no way to go on.
  if (setns(target.own_pid_namespace, CLONE_NEWPID) < 0) abort();
  return child;
}

}  // namespace davit
