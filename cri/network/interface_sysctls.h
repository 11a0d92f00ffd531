// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Kernel parameters (sysctls) of a pod's interfaces, which exist only after the pod's network is attached.
#pragma once

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cri {

// Writes the interface sysctls of the request (InterfaceSysctls, cri/spec/sandbox_plan.h) in the network
// namespace `netns_fd`. An error names the parameter.
Result<> WriteInterfaceSysctls(const ::runtime::v1::PodSandboxConfig& config, int netns_fd);

}  // namespace davit::cri
