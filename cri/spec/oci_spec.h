// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Renders launch plans in the format of the OCI runtime specification, for users and for tools that read
// `crictl inspect`.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "shim/plan.h"

namespace davit::cri {

// A config.json (runtime-spec config.md and config-linux.md) of version 1.2. Namespaces that the container
// shares with its pod are listed with a type but no path, because the shim holds them as descriptors. A user
// name that is looked up in the image at the start is in process.user.username.
std::string RenderOciSpec(const shim::SandboxPlan& sandbox, const shim::ContainerPlan& container,
                          const std::string& cgroup_path,
                          const ::runtime::v1::LinuxContainerResources& resources);

// The pod's part of it: hostname, namespaces, sysctls, and the cgroup of its containers.
std::string RenderSandboxSpec(const shim::SandboxPlan& sandbox, const std::string& cgroup_path);

}  // namespace davit::cri
