// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Forks of the shim (clone3(2)). It has one thread, so a fork may do whatever its parent may.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/error.h"
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
  // A user namespace to be born in, which then owns the new ones; not together with a PID namespace.
  int user_namespace = -1;
  // All that the child has open besides 0, 1 and 2, from its first instruction on; absent: what the caller
  // has.
  std::optional<std::vector<int>> descriptors = {};
};

// Forks. The end of the child raises SIGCHLD. With a user namespace or a list of descriptors it waits for a
// process in between.
Result<ClonedProcess> Clone(const CloneTarget& target);

// Whether Clone failed because the first process of the PID namespace is gone: the namespace takes no more
// (ENOMEM, clone(2)), and a zombie has no namespaces (ESRCH).
bool LacksFirstProcess(const Error& error);

}  // namespace davit
