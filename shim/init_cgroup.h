// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where in the v2 hierarchy a container's first process is.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Whether a cgroup takes no process because of how its owner has divided it: with controllers enabled for its
// children only these have processes (EBUSY), and beside a threaded child there are no other domains
// (EOPNOTSUPP).
bool IsDivided(const Error& error);

// Opens the v2 cgroup of `init`, a child that is not reaped, as O_PATH. It is `container`, the container's
// own, or one that the container has made beneath it and moved its process to; whoever is put there has the
// limits of both.
Result<UniqueFd> OpenInitCgroup(int proc_fd, pid_t init, int container);

}  // namespace davit
