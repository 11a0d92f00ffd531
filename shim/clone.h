// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Forks of the shim (clone3(2)). It has one thread, so a fork may do whatever its parent may.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/error.h"
#include "base/frame.h"
#include "base/pid_fd.h"

namespace davit {

struct ClonedProcess {
  pid_t pid = 0;  // 0 in the child
  PidFd pidfd;    // the parent's only
};

struct CloneTarget {
  uint64_t namespaces = 0;  // CLONE_NEW* flags
  int cgroup = -1;          // the directory of a v2 cgroup to be born in; -1: the caller's
  // A PID namespace to be born in, as an nsfs descriptor or a pidfd, and the caller's own, to which it
  // returns.
  int pid_namespace = -1;
  int own_pid_namespace = -1;
  // CloneByHelper only: a user namespace to be born in, which then owns the new ones; not together with a PID
  // namespace.
  int user_namespace = -1;
  // CloneByHelper only: all that the child has open besides 0, 1 and 2, from its first instruction on;
  // absent: what the caller has.
  std::optional<std::vector<int>> descriptors = {};
};

// Forks, without a wait for anybody. The end of the child raises SIGCHLD.
Result<ClonedProcess> Clone(const CloneTarget& target);

// Forks a helper, which makes the child and ends; needed for a user namespace, from which nobody comes back,
// and for a list of descriptors, as somebody has to close the others before the child is born. The helper is
// in the child's cgroup, because the child must not inherit a descriptor of it: the tenant's limits, a frozen
// cgroup, and load hold it as they hold the child. So the caller must not wait for it.
//
// Returns the helper to the caller, and, with pid 0, returns in the child. `sync` is the child's end of its
// sync socket: its first message is kBorn (ReadBirth) or, from the helper, kFailed. A helper that ends
// without either was killed. The child is the caller's own.
Result<ClonedProcess> CloneByHelper(const CloneTarget& target, int sync);

// The process that a kBorn announces. It may have ended, and been reaped, since.
Result<ClonedProcess> ReadBirth(Frame& born);

// Whether the first process of the target's PID namespace is gone: the namespace takes no more (ENOMEM,
// clone(2)), and a zombie has no namespaces (ESRCH). Both functions report it as kFailedPrecondition, ESRCH.
bool LacksFirstProcess(const Error& error);

}  // namespace davit
