// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Forks of the shim (clone3(2)). The shim has one thread, so after a fork the child may do everything that
// its parent may.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/error.h"
#include "base/frame.h"
#include "base/pid_fd.h"

namespace davit::shim {

struct ClonedProcess {
  pid_t pid = 0;  // 0 in the child
  PidFd pidfd;    // set in the parent only
};

struct CloneTarget {
  uint64_t namespaces = 0;  // CLONE_NEW* flags
  int cgroup = -1;          // the directory of the v2 cgroup that the child starts in; -1: the caller's
  // The PID namespace that the child starts in, as an nsfs descriptor or a pidfd, and the caller's own, to
  // which the caller returns.
  int pid_namespace = -1;
  int own_pid_namespace = -1;
  // CloneByHelper only: the user namespace that the child starts in; it then owns the new namespaces. Not
  // together with `pid_namespace`.
  int user_namespace = -1;
  // CloneByHelper only: all descriptors besides 0, 1, 2 and `sync` that the child has open, from its first
  // instruction on. Absent: those of the caller.
  std::optional<std::vector<int>> descriptors = {};
};

// Forks without blocking. SIGCHLD is raised when the child ends.
Result<ClonedProcess> Clone(const CloneTarget& target);

// Forks a helper, which makes the child and exits. It is needed for a user namespace, because a process that
// has joined one cannot return, and for a list of descriptors, because the others must be closed before the
// child exists. The helper runs in the child's cgroup, because the child must not inherit a descriptor of
// that. The tenant's limits, a frozen cgroup, or load can delay it as they delay the child, so the caller
// must not block on a helper in a container's cgroup.
//
// Returns the helper to the caller, and returns with pid 0 in the child. `sync` is the child's end of its
// sync socket: the first message is kBorn (ReadBirth) or, from the helper, kFailed. A helper that ends
// without either was killed. The child is a child of the caller, not of the helper.
Result<ClonedProcess> CloneByHelper(const CloneTarget& target, int sync);

// Returns the process that a kBorn message announces. It may have ended and been reaped already.
Result<ClonedProcess> ReadBirth(Frame& born);

// Whether an error of Clone or CloneByHelper means that the first process of the target's PID namespace has
// ended: the namespace accepts no more processes (ENOMEM, clone(2)), and a zombie has no namespaces (ESRCH).
// Both cases are reported as kFailedPrecondition, ESRCH.
bool LacksFirstProcess(const Error& error);

}  // namespace davit::shim
