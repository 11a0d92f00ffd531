// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a sandbox configuration asks of the network.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cni/host_ports.h"
#include "cni/subnet.h"

namespace davit {

// False for a pod in the host's network namespace.
bool HasOwnNetwork(const ::runtime::v1::PodSandboxConfig& config);

// The port mappings that have a host port. kInvalidArgument naming the port or protocol that cannot be.
Result<std::vector<PortMapping>> HostPorts(const ::runtime::v1::PodSandboxConfig& config);

// What plugins are told of the pod (CNI_ARGS), by the names that plugins know from other runtimes.
std::vector<std::pair<std::string, std::string>> PluginArguments(
    const ::runtime::v1::PodSandboxConfig& config, const std::string& sandbox_id);

// "10.1.0.0/24" or "10.1.0.0/24,fd00:1::/64", as the kubelet sends pod CIDRs; none for an empty text.
Result<std::vector<Subnet>> ParsePodCidr(const std::string& text);

// The other way round.
std::string Join(const std::vector<Subnet>& subnets);

// The lease in a sandbox's record.
Result<std::vector<IpAddress>> ParseAddresses(const std::vector<std::string>& texts);

}  // namespace davit
