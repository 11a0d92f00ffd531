// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Makes a pod's namespaces, by short-lived children, and then what they are to be.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "shim/init/pod_namespaces.h"
#include "shim/own_mounts.h"
#include "shim/plan.h"

namespace davit {

// Makes new namespaces, owned by `user_namespace` unless that is -1, with the loopback up; sends them to
// `sync` with kReady, in the order net, ipc, uts, and exits. A failure is reported instead.
[[noreturn]] void RunNamespaceMaker(NamespaceChoice choice, const OwnMounts& own, int user_namespace,
                                    int sync);

// Writes the sysctls of the pod's namespaces other than the network's, says kReady and exits. A failure is
// reported instead.
[[noreturn]] void RunSysctlWriter(const SandboxPlan& plan, const OwnMounts& own, const PodNamespaces& pod,
                                  int sync);

// By the caller itself, which has one thread and so may go to that namespace and back.
Result<> SetHostname(const OwnMounts& own, int uts, const std::string& hostname);

// Writes those of `sysctls` that are the network's, by the caller itself, in the same way. They ask for
// capabilities over the namespace, which the shim has; those of IPC ask for the namespace's root.
Result<> WriteNetworkSysctls(const OwnMounts& own, int net, const std::vector<Sysctl>& sysctls);
bool IsNetworkSysctl(const Sysctl& sysctl);

// Refuses what is not confined to a namespace that the pod has for itself: it would change the host.
Result<> CheckSysctl(const SandboxPlan& plan, std::string_view path);

}  // namespace davit
