// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Finds the v2 cgroup of a container's first process.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::shim {

// Whether `error` means that a cgroup accepts no process because of how its owner has divided it
// (cgroups(7)): controllers are enabled for its children, so that only these may have processes (EBUSY), or
// it has a threaded sibling, beside which it is no valid domain (EOPNOTSUPP).
bool IsDivided(const Error& error);

// Opens the v2 cgroup of `init`, a child that is not reaped yet, as O_PATH. This is `container`, the
// container's own cgroup, or a cgroup below it that the container has made and moved its process to. The
// limits of `container` apply in both.
Result<UniqueFd> OpenInitCgroup(int proc_fd, pid_t init, int container);

}  // namespace davit::shim
