// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where the shim itself lives: a mount namespace with nothing in it, so that its children start from a tiny
// mount table and nothing of the host is ever in reach by a path.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit {

// Paths in the shim's mount namespace, a read-only tmpfs.
constexpr char kRootfsDir[] =
    "/rootfs";  // empty: every container attaches its root here, each in a namespace of its own
constexpr char kShmDir[] = "/shm";     // the pod's /dev/shm
constexpr char kNullFile[] = "/null";  // character device 1:3

struct OwnMounts {
  UniqueFd
      proc;  // a procfs of the shim's own, attached nowhere: no mount of the host's can cover a part of it
  UniqueFd mount_namespace;
  UniqueFd pid_namespace;
};

// Leaves the host's mounts for good.
Result<OwnMounts> EnterOwnMounts();

// Attaches a new tmpfs of the size that `plan` says at kShmDir, owned by the root of the plan's ids.
Result<> MountPodShm(const SandboxPlan& plan);

}  // namespace davit
