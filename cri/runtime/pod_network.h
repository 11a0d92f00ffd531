// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a sandbox configuration asks of the network, in the bridge's terms.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cni/bridge.h"

namespace davit {

// False for a pod in the host's network namespace.
bool HasOwnNetwork(const ::runtime::v1::PodSandboxConfig& config);

// The port mappings that have a host port. kInvalidArgument naming the port or protocol that cannot be.
Result<std::vector<PortMapping>> HostPorts(const ::runtime::v1::PodSandboxConfig& config);

// The lease in a sandbox's record.
Result<std::vector<IpAddress>> ParseAddresses(const std::vector<std::string>& texts);

}  // namespace davit
