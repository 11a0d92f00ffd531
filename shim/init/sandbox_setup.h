// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The short-lived child that makes a pod's namespaces what they are to be.
#pragma once

#include <string>

#include "base/error.h"
#include "shim/own_mounts.h"
#include "shim/plan.h"

namespace davit {

// Makes the namespaces that the plan asks for, owned by `user_namespace` unless that is -1; loopback up,
// hostname, sysctls; then sends them to `sync` with kReady, in the order net, ipc, uts, and exits. A failure
// is reported instead.
[[noreturn]] void RunSandboxSetup(const SandboxPlan& plan, const OwnMounts& own, int user_namespace,
                                  int sync);

// CLONE_NEW* flags of these namespaces.
uint64_t SandboxNamespaces(const SandboxPlan& plan);

// Refuses what is not confined to a namespace that the pod has for itself: it would change the host.
Result<> CheckSysctl(const SandboxPlan& plan, std::string_view path);

}  // namespace davit
