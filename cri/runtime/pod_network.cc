// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/pod_network.h"

namespace davit {

namespace v1 = ::runtime::v1;

bool HasOwnNetwork(const v1::PodSandboxConfig& config) {
  return config.linux().security_context().namespace_options().network() != v1::NODE;
}

Result<std::vector<PortMapping>> HostPorts(const v1::PodSandboxConfig& config) {
  static constexpr Protocol kProtocols[] = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};
  std::vector<PortMapping> ports;
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

Result<std::vector<IpAddress>> ParseAddresses(const std::vector<std::string>& texts) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) addresses.push_back(TRY(IpAddress::Parse(text)));
  return addresses;
}

}  // namespace davit
