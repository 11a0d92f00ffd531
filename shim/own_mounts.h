// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The shim's own mount namespace. It has none of the host's mounts: the shim's children start with a small
// mount table, and no path leads to a file of the host.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// Paths in the shim's mount namespace, a read-only tmpfs.
constexpr char kRootfsDir[] =
    "/rootfs";  // empty directory: each container attaches its root here, in its own mount namespace
constexpr char kShmDir[] = "/shm";     // the pod's /dev/shm
constexpr char kNullFile[] = "/null";  // character device 1:3

struct OwnMounts {
  UniqueFd
      proc;  // the shim's own procfs; it is detached, so that no mount of the host can cover a part of it
  UniqueFd mount_namespace;
  UniqueFd pid_namespace;
};

// Moves the caller to a new mount namespace without the host's mounts. It cannot return.
Result<OwnMounts> EnterOwnMounts();

// Attaches a new tmpfs of `plan.shm_bytes` at kShmDir, owned by the root user of `plan.ids`.
Result<> MountPodShm(const SandboxPlan& plan);

}  // namespace davit::shim
