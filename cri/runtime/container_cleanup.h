// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Removes what an ended container leaves in the kernel and on disk.
#pragma once

#include "base/log.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/pods/pod.h"
#include "cri/shims/shims.h"

namespace davit::cri {

// Thread-safe. All methods are idempotent.
class ContainerCleanup {
 public:
  // All must outlive the object.
  ContainerCleanup(const Cgroups& cgroups, Shims& shims, const Logger& log)
      : cgroups_(cgroups), shims_(shims), log_(log) {}

  // Kills the processes in the container's cgroup.
  Result<> Kill(Container& container) const;
  // The same, and removes the cgroup. Can take long if the cgroup driver waits for systemd.
  Result<> RemoveCgroup(Container& container) const;

  // Removes the cgroup and the exit record. To be called when the container's end is in the database. A
  // failure to remove the cgroup is logged; the container's removal retries it.
  void Collect(Container& container) const;

 private:
  template <typename Change>
  Result<> ChangeCgroup(Container& container, Change change) const;

  const Cgroups& cgroups_;
  Shims& shims_;
  const Logger& log_;
};

}  // namespace davit::cri
