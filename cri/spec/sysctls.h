// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Kernel parameters of a pod (sysctl(8)), as validated data: they are not parsed again before they are
// written to /proc/sys.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "shim/plan.h"

namespace davit::cri {

// Which namespaces belong to the pod alone. A parameter of a shared namespace would change the host.
struct OwnNamespaces {
  bool network = true;  // and UTS: a pod has both or none
  bool ipc = true;
};

// Names may be written with dots or with slashes; the first separator decides (sysctl.d(5)). The result is in
// the order of `sysctls`. kInvalidArgument for a parameter that does not belong to a namespace of the pod, a
// malformed name, and a value with several lines or a NUL.
Result<std::vector<shim::Sysctl>> NamespacedSysctls(const std::map<std::string, std::string>& sysctls,
                                                    OwnNamespaces own);

// Defaults for parameters that the request does not set: programs of any user may listen on ports below 1024
// and send ICMP echo requests, as in other runtimes.
struct SysctlDefaults {
  bool unprivileged_ports = true;
  bool unprivileged_icmp = true;
};

// Adds the defaults for a pod with its own network namespace. ICMP is not enabled in a user namespace, whose
// groups are not the host's.
void AddDefaultSysctls(const SysctlDefaults& defaults, OwnNamespaces own, bool user_namespace,
                       std::vector<shim::Sysctl>& sysctls);

// Whether the parameter belongs to one interface other than the loopback: such a parameter exists only after
// the pod's network is attached. "net/ipv4/conf/eth0/forwarding", but not "net/ipv4/conf/all/forwarding".
bool BelongsToInterface(const shim::Sysctl& sysctl);

}  // namespace davit::cri
