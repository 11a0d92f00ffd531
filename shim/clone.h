// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Forks of the shim (clone3(2)). It has one thread, so a fork may do whatever its parent may.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/pid_fd.h"

namespace davit {

struct ClonedProcess {
  pid_t pid = 0;  // 0 in the child
  PidFd pidfd;    // the parent's only
};

// Forks with the CLONE_NEW* flags of `namespaces`; the end of the child raises SIGCHLD.
Result<ClonedProcess> Clone(uint64_t namespaces);

// As Clone, with the child in the PID namespace of `pid_namespace`, an nsfs descriptor or a pidfd.
// `own_pid_namespace` is the caller's own, to which it returns.
Result<ClonedProcess> CloneIntoPidNamespace(int pid_namespace, int own_pid_namespace, uint64_t namespaces);

}  // namespace davit
