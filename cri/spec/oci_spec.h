// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Launch plans in the words of the OCI runtime specification: for people, and for tools that read `crictl
// inspect`.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "shim/plan.h"

namespace davit {

// A config.json (runtime-spec config.md and config-linux.md) of version 1.2. Namespaces that the container
// shares with its pod are listed with a type and no path: the shim holds them by descriptor, so there is
// none. Names that are looked up in the image when the container starts stand under process.user.username.
std::string RenderOciSpec(const SandboxPlan& sandbox, const ContainerPlan& container,
                          const std::string& cgroup_path,
                          const ::runtime::v1::LinuxContainerResources& resources);

// The pod's part of it: hostname, namespaces and sysctls, and the cgroup that its containers are in.
std::string RenderSandboxSpec(const SandboxPlan& sandbox, const std::string& cgroup_path);

}  // namespace davit
