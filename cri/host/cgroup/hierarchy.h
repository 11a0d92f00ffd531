// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The mounted cgroup hierarchies of this host (cgroups(7)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

struct CgroupHierarchy {
  std::string name;  // of its directory below the mount point, for messages; empty: the mount point itself
  bool v2 = false;
  std::vector<std::string> controllers;  // none on a named hierarchy such as "systemd"
  UniqueFd dir;                          // its root

  bool Has(std::string_view controller) const;
};

// The hierarchies mounted at or below `mount_point`, told by the files in their roots: one v2 hierarchy if it
// is one itself, else those of its subdirectories. Links for controllers that share a hierarchy ("cpu" to
// "cpu,cpuacct") count once. kUnimplemented when there is none.
Result<std::vector<CgroupHierarchy>> FindHierarchies(const std::string& mount_point);

// Below, `path` is relative to the root of `hierarchy` (CgroupPath::relative). Cgroups below it may lie
// deeper than a path can name: a container that may make cgroups makes as many levels as it likes.

// True for the errors of a cgroup that does not exist, or was removed while it was open.
bool IsNoCgroup(const Error& error);

// The names of the cgroups right below `path` ("" is the root); none when it does not exist.
Result<std::vector<std::string>> ChildCgroups(const CgroupHierarchy& hierarchy, const std::string& path);

// The pids in cgroup.procs of `path` and of everything below it; none when it does not exist. A process whose
// PID namespace this one cannot see has the pid 0 and is left out.
Result<std::vector<int>> PidsBelow(const CgroupHierarchy& hierarchy, const std::string& path);

// Removes `path` and everything below it; a success when it does not exist. Cgroups with processes stay, and
// then the error's errno is EBUSY.
Result<> RemoveTree(const CgroupHierarchy& hierarchy, const std::string& path);

}  // namespace davit
