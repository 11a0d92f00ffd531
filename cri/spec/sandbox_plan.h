// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pod sandboxes: from the request to the plan that a shim executes.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/spec/sysctls.h"
#include "shim/plan.h"

namespace davit::cri {

// Reports every error that can be found without asking the kernel, so that RunPodSandbox fails before it has
// created anything. kInvalidArgument names the field and its value.
Result<> ValidateSandboxConfig(const ::runtime::v1::PodSandboxConfig& config);

// Does the same checks and returns the plan. Its sysctls are those that can be written before the network is
// attached, including the defaults.
Result<shim::SandboxPlan> BuildSandboxPlan(const ::runtime::v1::PodSandboxConfig& config,
                                           const std::string& sandbox_id,
                                           const SysctlDefaults& defaults = {});

// The other sysctls. They must be written in the pod's network namespace after the network is attached and
// before the sandbox is READY.
Result<std::vector<shim::Sysctl>> InterfaceSysctls(const ::runtime::v1::PodSandboxConfig& config);

// The name that the pod's processes see: the configured one, else the host's.
std::string HostnameOf(const ::runtime::v1::PodSandboxConfig& config);

}  // namespace davit::cri
