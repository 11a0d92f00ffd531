// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The mounts of a container, in the order of its plan.
#pragma once

#include <optional>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/init/cgroup_view.h"
#include "shim/plan.h"

namespace davit {

// What was opened while the host's mounts were still in sight.
struct PreparedMounts {
  std::vector<UniqueFd> sources;        // as OpenSources
  std::optional<CgroupMounts> cgroups;  // for the kCgroup step
  UniqueFd host_shm;                    // for kShm when the pod uses the host's IPC
  UniqueFd host_sys;                    // in place of a new sysfs where the kernel refuses one
  UniqueFd procfs;                      // made already; else it is made of the caller's PID namespace
};

// Attaches every mount below `root_fd`, a mount of the caller's mount namespace, and makes the plan's
// devices. Filesystems are those of the caller's namespaces. `pod_shm_fd` is on a mount of the caller's mount
// namespace.
Result<> AttachMounts(int root_fd, const ContainerPlan& plan, PreparedMounts prepared, int pod_shm_fd);

// The first mount of this kind; null when the plan has none.
const MountStep* FindMount(const ContainerPlan& plan, MountKind kind);

// A target below /proc that may be covered: single files, as system-container tools do it; anything else
// there would let a volume redirect what the runtime writes to procfs.
bool MayCoverProcPath(std::string_view target);

}  // namespace davit
