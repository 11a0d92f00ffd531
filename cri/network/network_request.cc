// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/network_request.h"

#include <algorithm>

namespace davit::cri {

namespace v1 = ::runtime::v1;

bool HasOwnNetwork(const v1::PodSandboxConfig& config) {
  return config.linux().security_context().namespace_options().network() != v1::NODE;
}

Result<std::vector<cni::PortMapping>> HostPorts(const v1::PodSandboxConfig& config) {
  static constexpr cni::Protocol kProtocols[] = {cni::Protocol::kTcp, cni::Protocol::kUdp,
                                                 cni::Protocol::kSctp};
  std::vector<cni::PortMapping> ports;
  for (const v1::PortMapping& port : config.port_mappings()) {
    if (port.host_port() == 0) continue;  // a container port that is only declared
    if (port.host_port() < 0 || port.host_port() > 65535 || port.container_port() < 1 ||
        port.container_port() > 65535) {
      return Fail(Code::kInvalidArgument, "validate", "port_mappings",
                  std::to_string(port.host_port()) + " to " + std::to_string(port.container_port()) +
                      " is out of range");
    }
    if (port.protocol() < v1::TCP || port.protocol() > v1::SCTP) {
      return Fail(Code::kInvalidArgument, "validate", "port_mappings.protocol",
                  std::to_string(port.protocol()) + " is not a protocol");
    }
    ports.push_back({kProtocols[port.protocol()], port.host_ip(), static_cast<uint16_t>(port.host_port()),
                     static_cast<uint16_t>(port.container_port())});
  }
  return ports;
}

std::vector<std::pair<std::string, std::string>> PluginArguments(const v1::PodSandboxConfig& config,
                                                                 const std::string& sandbox_id, Owner owner) {
  if (owner != Owner::kCri) return {};
  return {{"K8S_POD_NAMESPACE", config.metadata().namespace_()},
          {"K8S_POD_NAME", config.metadata().name()},
          {"K8S_POD_INFRA_CONTAINER_ID", sandbox_id},
          {"K8S_POD_UID", config.metadata().uid()}};
}

Result<std::vector<cni::Subnet>> ParsePodCidr(const std::string& text) {
  std::vector<cni::Subnet> subnets;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    cni::Subnet subnet = TRY(cni::ParseSubnet(text.substr(begin, end - begin)));
    bool second = std::ranges::any_of(
        subnets, [&](const cni::Subnet& other) { return other.base.family == subnet.base.family; });
    if (second) {
      return Fail(Code::kInvalidArgument, "validate", "pod_cidr",
                  subnet.ToString() + " is the second subnet of its address family");
    }
    subnets.push_back(subnet);
    begin = end + 1;
  }
  std::ranges::sort(subnets);
  return subnets;
}

std::string Join(const std::vector<cni::Subnet>& subnets) {
  std::string text;
  for (const cni::Subnet& subnet : subnets) text += (text.empty() ? "" : ",") + subnet.ToString();
  return text;
}

Result<std::vector<cni::IpAddress>> ParseAddressList(const std::string& text) {
  std::vector<cni::IpAddress> addresses;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    addresses.push_back(TRY(cni::IpAddress::Parse(text.substr(begin, end - begin))));
    begin = end + 1;
  }
  return addresses;
}

std::string JoinAddresses(const std::vector<cni::IpAddress>& addresses) {
  std::string text;
  for (const cni::IpAddress& address : addresses) text += (text.empty() ? "" : ",") + address.ToString();
  return text;
}

std::vector<cni::Subnet> OfKernelFamilies(const std::vector<cni::Subnet>& subnets, bool kernel_has_ipv6) {
  std::vector<cni::Subnet> possible = subnets;
  if (!kernel_has_ipv6)
    std::erase_if(possible, [](const cni::Subnet& s) { return s.base.family == AF_INET6; });
  return possible.empty() ? subnets : possible;
}

Result<std::vector<cni::IpAddress>> ParseAddresses(const std::vector<std::string>& texts) {
  std::vector<cni::IpAddress> addresses;
  for (const std::string& text : texts) addresses.push_back(TRY(cni::IpAddress::Parse(text)));
  return addresses;
}

}  // namespace davit::cri
