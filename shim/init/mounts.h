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

namespace davit::shim {

// Mounts that were opened while the host's mounts were still reachable.
struct PreparedMounts {
  std::vector<UniqueFd> sources;        // as from OpenSources, image volumes added
  std::optional<CgroupMounts> cgroups;  // for the kCgroup step
  UniqueFd host_shm;                    // for kShm when the pod uses the host's IPC
  UniqueFd host_sys;                    // used if the kernel refuses a new sysfs
  UniqueFd procfs;                      // if empty, one is created for the caller's PID namespace
};

// Attaches every mount of the plan below `root_fd` and creates the plan's devices. `root_fd` and `pod_shm_fd`
// must be on mounts of the caller's mount namespace. New filesystems belong to the caller's namespaces.
Result<> AttachMounts(int root_fd, const ContainerPlan& plan, PreparedMounts prepared, int pod_shm_fd);

// The first mount of this kind; null if the plan has none.
const MountStep* FindMount(const ContainerPlan& plan, MountKind kind);

// Whether a mount may cover this target below /proc. Only certain files may be covered, as system-container
// tools do; any other target would let a volume redirect what the runtime writes to procfs.
bool MayCoverProcPath(std::string_view target);

}  // namespace davit::shim
