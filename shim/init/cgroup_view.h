// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a container sees under /sys/fs/cgroup.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// The host's /sys/fs/cgroup: one cgroup2 mount, or a tmpfs with a mount per v1 hierarchy, symlinks for
// controllers that share one (`cpu` -> `cpu,cpuacct`), and `unified` for the v2 tree of a hybrid host.
struct CgroupLayout {
  struct Entry {
    std::string name;
    enum Kind : uint8_t { kV1, kV2, kLink } kind = kV1;
    std::string link_target;
  };
  bool v2_only = false;
  std::vector<Entry> entries;  // empty when v2_only
};

// `cgroup_dir` may be O_PATH. Entries that are neither cgroup mounts nor symlinks are omitted.
Result<CgroupLayout> ReadCgroupLayout(int cgroup_dir);

// The mounts for one kCgroup step. They are created before the target is known, because a bind needs the
// host's mounts.
struct CgroupMounts {
  UniqueFd root;                 // cgroup2, the host's whole tree, or a tmpfs
  std::vector<UniqueFd> nested;  // parallel to layout.entries when root is a tmpfs
  CgroupLayout layout;
};

// What the mounts are created from. The caller must be in the mount namespace that both descriptors belong
// to.
struct CgroupSources {
  int cgroup_dir;           // the host's /sys/fs/cgroup
  int unified;              // the container's v2 cgroup; -1: the caller is in it
  bool host_cgroup;         // a copy of the host's tree is wanted
  std::string own_cgroups;  // the caller's /proc/PID/cgroup from before it unshared its cgroup namespace
};

// Creates the mounts, each rooted at the container's own cgroup: the caller must have joined the container's
// v1 cgroups and unshared its cgroup namespace. With host_cgroup, returns a copy of the host's tree instead.
Result<CgroupMounts> PrepareCgroupMounts(const CgroupSources& sources, const MountStep& step);

// Attaches them at `target_fd`.
Result<> AttachCgroupMounts(CgroupMounts mounts, const MountStep& step, int target_fd);

// The path of an entry's hierarchy in a /proc/PID/cgroup (cgroups(7)): "0::/a/b" gives "/a/b" for v2.
std::optional<std::string> OwnCgroup(const CgroupLayout::Entry& entry, std::string_view proc_cgroup);

// The fsconfig options that mount the v1 hierarchy whose mount point is called `name`: "cpu,cpuacct",
// "name=systemd". `proc_cgroup` shows whether it is a named hierarchy or a controller.
std::string V1MountOptions(std::string_view name, std::string_view proc_cgroup);

}  // namespace davit::shim
