// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The processes of containers, as the host sees them.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/unique_fd.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/call.h"

namespace davit::cri {

// Thread-safe, see runtime.h. A container may be given by the beginning of its id; kNotFound if the caller's
// owner has none.
class Processes {
 public:
  // All must outlive the object.
  struct Ports {
    PodTable& pods;
    const Cgroups& cgroups;
  };
  explicit Processes(const Ports& ports) : ports_(ports) {}

  // Sends a signal to the container's first process. kFailedPrecondition if it does not run.
  Result<> Signal(const std::string& container_id, int signo, Call& call) const;
  // The pid of the container's first process, in the daemon's PID namespace; 0 if it was never started.
  Result<int32_t> PidOf(const std::string& container_id, Call& call) const;
  // A pidfd of its first process. kFailedPrecondition if the container does not run.
  Result<UniqueFd> Open(const std::string& container_id, Call& call) const;
  // All processes in the cgroup of a running container, in the daemon's PID namespace; those that cannot be
  // seen in it are omitted. kFailedPrecondition if the container does not run.
  Result<std::set<int>> Of(const std::string& container_id, Call& call) const;

 private:
  const Ports ports_;
};

}  // namespace davit::cri
