// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Creates a pod's namespaces, in short-lived children, and configures them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "shim/init/pod_namespaces.h"
#include "shim/own_mounts.h"
#include "shim/plan.h"

namespace davit::shim {

// Creates new namespaces, owned by `user_namespace` (-1: by the caller's), and brings the loopback up. Sends
// them on `sync` with kReady, in the order net, ipc, uts, and exits. A failure is reported instead.
[[noreturn]] void RunNamespaceMaker(NamespaceChoice choice, const OwnMounts& own, int user_namespace,
                                    int sync);

// Writes the sysctls of the pod's namespaces, those of the network only if the pod has a user namespace,
// sends kReady and exits. A failure is reported instead.
[[noreturn]] void RunSysctlWriter(const SandboxPlan& plan, const OwnMounts& own, const PodNamespaces& pod,
                                  int sync);

// Sets the hostname of the UTS namespace `uts`. The caller, which must have one thread, enters the namespace
// and returns.
Result<> SetHostname(const OwnMounts& own, int uts, const std::string& hostname);

// Writes the network's part of `sysctls`. The caller enters `net` and returns, as above. Network sysctls
// require capabilities over the namespace, which the shim has; those of IPC require the namespace's root.
Result<> WriteNetworkSysctls(const OwnMounts& own, int net, const std::vector<Sysctl>& sysctls);
bool IsNetworkSysctl(const Sysctl& sysctl);

// Refuses a sysctl that is not confined to a namespace of the pod's own: it would change the host.
Result<> CheckSysctl(const SandboxPlan& plan, std::string_view path);

}  // namespace davit::shim
