// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Kernel parameters of a pod (sysctl(8)), as data: nothing of them is ever parsed again on the way to
// /proc/sys.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "shim/plan.h"

namespace davit {

// Which namespaces the pod has for itself. A parameter of one that it shares would change the host.
struct OwnNamespaces {
  bool network = true;  // and UTS, which goes with it
  bool ipc = true;
};

// Names may be written with dots or with slashes; the first separator says which (sysctl.d(5)). Sorted by
// name. kInvalidArgument for a parameter that no namespace of the pod holds, a malformed name, and a value of
// several lines.
Result<std::vector<Sysctl>> NamespacedSysctls(const std::map<std::string, std::string>& sysctls,
                                              OwnNamespaces own);

// What a pod gets that its request does not set: programs of any user may listen on ports below 1024 and send
// ICMP echo requests, as under other runtimes.
struct SysctlDefaults {
  bool unprivileged_ports = true;
  bool unprivileged_icmp = true;
};

// Adds them for a pod with a network namespace of its own; ping not in a user namespace, whose groups are not
// the host's.
void AddDefaultSysctls(const SysctlDefaults& defaults, OwnNamespaces own, bool user_namespace,
                       std::vector<Sysctl>& sysctls);

// Whether the parameter belongs to one interface other than the loopback: it is there once the pod's network
// is attached. "net/ipv4/conf/eth0/forwarding", but not "net/ipv4/conf/all/forwarding".
bool BelongsToInterface(const Sysctl& sysctl);

}  // namespace davit
