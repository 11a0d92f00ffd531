// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Facts about the host that plans depend on. Collected once, so that plans can be built and tested without
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/apparmor/apparmor.h"
#include "cri/host/selinux/selinux.h"
#include "shim/plan.h"

namespace davit::cri {

struct HostFacts {
  // Bit N is capability number N: the maximum for the daemon, and so for any container.
  uint64_t capabilities = 0;
  // To lower oom_score_adj below the daemon's own needs CAP_SYS_RESOURCE (proc(5)).
  bool can_lower_oom_score = false;
  int32_t own_oom_score_adj = 0;
  AppArmorSupport apparmor = AppArmorSupport::kNone;
  SeLinuxHost selinux;
  bool has_user_namespaces = false;
  bool can_raise_limits = false;      // hard limits: needs CAP_SYS_RESOURCE, too (setrlimit(2))
  std::vector<shim::Rlimit> rlimits;  // of containers and of execs in them (rlimits.h)
  // The directory with the devices for privileged containers. Read again for each container, because devices
  // are added and removed.
  std::string devices_directory = "/dev";
};

// Reads them from /proc/self and /sys.
Result<HostFacts> CollectHostFacts();

// The same from the contents of /proc/self/status and /proc/self/oom_score_adj. kInternal when a field is
// missing.
Result<HostFacts> ParseHostFacts(const std::string& status, const std::string& oom_score_adj);

}  // namespace davit::cri
