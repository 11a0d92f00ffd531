// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What CNI plugins can know about a pod besides its namespace and names.
#pragma once

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cni/plugin_config.h"

namespace davit::cri {

// The arguments that containerd and CRI-O pass, each if the pod has what it is about: "portMappings",
// "bandwidth" (from annotations), "dns", "cgroupPath" and "io.kubernetes.cri.pod-annotations" (all of them,
// in which plugins find what the CRI has no field for, such as requested addresses). A plugin gets those that
// it declares. kInvalidArgument names an invalid port or bandwidth.
Result<cni::CapabilityArguments> PluginCapabilities(const ::runtime::v1::PodSandboxConfig& config);

}  // namespace davit::cri
