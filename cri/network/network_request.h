// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The network settings of a sandbox configuration.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cni/host_ports.h"
#include "cni/subnet.h"
#include "cri/pods/pod_records.h"

namespace davit::cri {

// False for a pod in the host's network namespace.
bool HasOwnNetwork(const ::runtime::v1::PodSandboxConfig& config);

// The port mappings with a host port. kInvalidArgument names an invalid port or protocol.
Result<std::vector<cni::PortMapping>> HostPorts(const ::runtime::v1::PodSandboxConfig& config);

// The CNI_ARGS that describe the pod to plugins, with the names that other runtimes use. None for a pod that
// is not the kubelet's: a plugin would look for it in Kubernetes, and might find another one there.
std::vector<std::pair<std::string, std::string>> PluginArguments(
    const ::runtime::v1::PodSandboxConfig& config, const std::string& sandbox_id, Owner owner);

// Parses "10.1.0.0/24" or "10.1.0.0/24,fd00:1::/64", the kubelet's form of pod CIDRs; empty for an empty
// text. kInvalidArgument for two subnets of one address family.
Result<std::vector<cni::Subnet>> ParsePodCidr(const std::string& text);

// Formats subnets as ParsePodCidr reads them.
std::string Join(const std::vector<cni::Subnet>& subnets);

// Addresses, separated by commas.
Result<std::vector<cni::IpAddress>> ParseAddressList(const std::string& text);
std::string JoinAddresses(const std::vector<cni::IpAddress>& addresses);

// Those of families that the kernel has; all if nothing would be left.
std::vector<cni::Subnet> OfKernelFamilies(const std::vector<cni::Subnet>& subnets, bool kernel_has_ipv6);

// Parses the addresses in a sandbox's record.
Result<std::vector<cni::IpAddress>> ParseAddresses(const std::vector<std::string>& texts);

}  // namespace davit::cri
