// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The mounted cgroup hierarchies of this host (cgroups(7)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cri {

struct CgroupHierarchy {
  std::string name;  // directory below the mount point, for messages; empty: the mount point itself
  bool v2 = false;
  std::vector<std::string> controllers;  // empty for a named hierarchy such as "systemd"
  UniqueFd dir;                          // the root directory

  bool Has(std::string_view controller) const;
};

// The hierarchies mounted at or below `mount_point`, recognised by the files in their roots: one v2 hierarchy
// if `mount_point` is one itself, else those of its subdirectories. Symlinks for controllers that share a
// hierarchy ("cpu" to "cpu,cpuacct") are not counted again. kUnimplemented if there is none.
Result<std::vector<CgroupHierarchy>> FindHierarchies(const std::string& mount_point);

// In the functions below, `path` is relative to the root of `hierarchy` (CgroupPath::relative). Descendants
// may be deeper than PATH_MAX allows to name: a container that may create cgroups can nest them without
// limit.

// True for the errors of a cgroup that does not exist, or was removed while it was open.
bool IsNoCgroup(const Error& error);

// The names of the direct children of `path` ("" is the root); empty if it does not exist.
Result<std::vector<std::string>> ChildCgroups(const CgroupHierarchy& hierarchy, const std::string& path);

// The pids in cgroup.procs of `path` and of all its descendants; empty if it does not exist. Processes that
// are not visible in the caller's PID namespace (the kernel shows pid 0) are omitted.
Result<std::vector<int>> PidsBelow(const CgroupHierarchy& hierarchy, const std::string& path);

// Removes `path` and its descendants; succeeds if it does not exist. Cgroups with processes are not removed,
// and the error's errno is then EBUSY.
Result<> RemoveTree(const CgroupHierarchy& hierarchy, const std::string& path);

}  // namespace davit::cri
