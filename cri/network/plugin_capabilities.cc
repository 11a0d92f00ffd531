// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/plugin_capabilities.h"

#include <limits>

#include "base/json.h"
#include "cri/network/bandwidth_limits.h"
#include "cri/network/network_request.h"

namespace davit::cri {
namespace {

using Json = nlohmann::json;

Json PortMappings(const std::vector<cni::PortMapping>& ports) {
  Json list = Json::array();
  for (const cni::PortMapping& port : ports) {
    Json entry = {{"hostPort", port.host_port},
                  {"containerPort", port.container_port},
                  {"protocol", std::string(ProtocolName(port.protocol))}};
    if (!port.host_ip.empty()) SetJsonMember(entry, "hostIP", port.host_ip);
    list.push_back(std::move(entry));
  }
  return list;
}

// The burst is the highest that the bandwidth plugin accepts, as with containerd.
Json Bandwidth(const BandwidthLimits& limits) {
  constexpr uint32_t kBurst = std::numeric_limits<uint32_t>::max();
  Json bandwidth = Json::object();
  if (limits.ingress) {
    SetJsonMember(bandwidth, "ingressRate", *limits.ingress);
    SetJsonMember(bandwidth, "ingressBurst", kBurst);
  }
  if (limits.egress) {
    SetJsonMember(bandwidth, "egressRate", *limits.egress);
    SetJsonMember(bandwidth, "egressBurst", kBurst);
  }
  return bandwidth;
}

template <typename Texts>
Json List(const Texts& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

Json Dns(const ::runtime::v1::DNSConfig& dns) {
  return {
      {"servers", List(dns.servers())}, {"searches", List(dns.searches())}, {"options", List(dns.options())}};
}

template <typename Texts>
Json Map(const Texts& texts) {
  Json map = Json::object();
  for (const auto& [name, value] : texts) SetJsonMember(map, name, value);
  return map;
}

}  // namespace

Result<cni::CapabilityArguments> PluginCapabilities(const ::runtime::v1::PodSandboxConfig& config) {
  cni::CapabilityArguments arguments;
  std::vector<cni::PortMapping> ports = TRY(HostPorts(config));
  if (!ports.empty()) arguments["portMappings"] = PrintJson(PortMappings(ports));
  BandwidthLimits limits = TRY(BandwidthOf(config));
  if (limits.ingress || limits.egress) arguments["bandwidth"] = PrintJson(Bandwidth(limits));
  if (config.has_dns_config()) arguments["dns"] = PrintJson(Dns(config.dns_config()));
  if (!config.linux().cgroup_parent().empty())
    arguments["cgroupPath"] = PrintJson(config.linux().cgroup_parent());
  if (!config.annotations().empty())
    arguments["io.kubernetes.cri.pod-annotations"] = PrintJson(Map(config.annotations()));
  return arguments;
}

}  // namespace davit::cri
