// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a plan has to know of the host. Collected once, so that plans can be built and tested without it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/apparmor/apparmor.h"
#include "cri/host/selinux/selinux.h"
#include "shim/plan.h"

namespace davit {

struct HostFacts {
  // Bit N is capability number N: what the daemon, and so any container, can have at most.
  uint64_t capabilities = 0;
  // Lowering oom_score_adj below one's own takes CAP_SYS_RESOURCE (proc(5)).
  bool can_lower_oom_score = false;
  int32_t own_oom_score_adj = 0;
  AppArmorSupport apparmor = AppArmorSupport::kNone;
  SeLinuxHost selinux;
  bool has_user_namespaces = false;
  bool can_raise_limits = false;  // hard ones: CAP_SYS_RESOURCE as well (setrlimit(2))
  std::vector<Rlimit> rlimits;    // what containers and execs in them get (rlimits.h)
  // Where a privileged container's devices come from. Looked at for each of them, because devices come and
  // go.
  std::string devices_directory = "/dev";
};

// From /proc/self and /sys.
Result<HostFacts> CollectHostFacts();

// The same from the contents of /proc/self/status and /proc/self/oom_score_adj. kInternal when a field is
// missing.
Result<HostFacts> ParseHostFacts(const std::string& status, const std::string& oom_score_adj);

}  // namespace davit
