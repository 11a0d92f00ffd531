// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What an ended container leaves behind in the kernel and on disk.
#pragma once

#include "base/log.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/pods/pod.h"
#include "cri/shims/shims.h"

namespace davit {

// Thread-safe. Everything is idempotent.
class ContainerCleanup {
 public:
  // All outlive the object.
  ContainerCleanup(const Cgroups& cgroups, Shims& shims, const Logger& log)
      : cgroups_(cgroups), shims_(shims), log_(log) {}

  // Kills what is in the container's cgroup and removes it.
  Result<> RemoveCgroup(Container& container) const;

  // Once the database has the container's end: its cgroup and its exit record. A cgroup that stays is logged;
  // the container's removal tries again.
  void Collect(Container& container) const;

 private:
  const Cgroups& cgroups_;
  Shims& shims_;
  const Logger& log_;
};

}  // namespace davit
