// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/network_report.h"

#include <algorithm>
#include <ranges>
#include <tuple>
#include <utility>

#include "base/utf8.h"
#include "cri/network/network_request.h"

namespace davit::cri {
namespace {

namespace api = ::davit::v1;

// Plugins and firewalls choose a part of many texts.
std::string Clean(const std::string& text) {
  constexpr size_t kMostBytes = 4096;
  return OneLine(text, kMostBytes);
}

api::ForwardDrop::Pods ToApi(cni::ForwardDrop::Pods pods) {
  switch (pods) {
    case cni::ForwardDrop::Pods::kAcceptedByUs:
      return api::ForwardDrop::ACCEPTED;
    case cni::ForwardDrop::Pods::kLeftToOwner:
      return api::ForwardDrop::LEFT_TO_OWNER;
    case cni::ForwardDrop::Pods::kDropped:
      return api::ForwardDrop::DROPPED;
  }
  return api::ForwardDrop::PODS_UNSPECIFIED;
}

void AddBridge(const NetworkDescription& network, api::NetworkStatusResponse& response) {
  if (network.mode != "bridge" && !network.bridge_state) return;
  api::NetworkBridge& bridge = *response.mutable_bridge();
  bridge.set_name(network.bridge);
  for (const std::string& subnet : network.subnets) bridge.add_subnets(subnet);
  bridge.set_masquerade(network.masquerade);
  bridge.set_exceptions(static_cast<uint32_t>(network.no_masquerade));
  bridge.set_table(network.table);
  bridge.set_open(network.bridge_state.has_value());
  bridge.set_firewall_unknown(Clean(network.firewall_unknown));
  if (!network.bridge_state) return;
  bridge.set_mtu(network.bridge_state->mtu);
  bridge.set_owned(network.bridge_state->owns_tables);
  for (const cni::ForwardDrop& drop : network.bridge_state->forward_drops) {
    api::ForwardDrop& added = *bridge.add_drops();
    added.set_chain(Clean(drop.chain));
    added.set_reason(drop.reason);
    added.set_pods(ToApi(drop.pods));
  }
}

void AddPlugins(const NetworkDescription& network, api::NetworkStatusResponse& response) {
  response.set_refused_configuration(Clean(network.complaint));
  if (network.plugin_file.empty()) return;
  api::NetworkPlugins& plugins = *response.mutable_plugins();
  plugins.set_file(Clean(network.plugin_file));
  plugins.set_network(network.plugin_network);
  plugins.set_version(Clean(network.plugin_version));
}

void AddChecks(const NetworkDescription& network, api::NetworkStatusResponse& response) {
  constexpr size_t kMostRepaired = 100;
  api::NetworkChecks& checks = *response.mutable_checks();
  checks.set_count(network.checks);
  checks.set_last(network.checked_at);
  checks.set_repairs(network.repairs);
  checks.set_last_repair(network.repaired_at);
  for (const std::string& what : network.last_repaired | std::views::take(kMostRepaired))
    checks.add_repaired(Clean(what));
}

// What of a sandbox's record says about its network, without the plugins' texts.
struct PodNetworkUse {
  std::string id;
  int64_t created_at = 0;
  std::vector<std::string> addresses;
  std::string plugin_file;
  std::string user_network;
  bool plugins = false;
  bool attached = false;

  static PodNetworkUse Of(const SandboxRecord& record) {
    bool by_plugins = record.plugins.has_value();
    return {.id = record.id,
            .created_at = record.created_at,
            .addresses = record.addresses,
            .plugin_file = by_plugins ? record.plugins->file : "",
            .user_network = record.network,
            .plugins = by_plugins,
            .attached = by_plugins ? !record.plugins->result.empty() : !record.host_interface.empty()};
  }
  bool Any() const { return plugins || !addresses.empty(); }
};

void AddPorts(const runtime::v1::PodSandboxConfig& config, const PodNetworkUse& use,
              api::NetworkStatusResponse& response) {
  Result<std::vector<cni::PortMapping>> mappings = HostPorts(config);
  Result<std::vector<cni::IpAddress>> addresses = ParseAddresses(use.addresses);
  if (!use.attached || !mappings || !addresses) return;
  for (const cni::HostPort& port :
       cni::ExpandMappings(*mappings, *addresses).value_or(std::vector<cni::HostPort>())) {
    api::PublishedPort& added = *response.add_ports();
    added.set_protocol(std::string(cni::ProtocolName(port.protocol)));
    added.set_address(port.host_ip.ToString());
    added.set_port(port.port);
    added.set_pod_address(port.pod.ToString());
    added.set_pod_port(port.pod_port);
    added.set_pod_id(use.id);
    added.set_pod_name(Clean(config.metadata().name()));
    added.set_pod_namespace(Clean(config.metadata().namespace_()));
  }
}

template <typename Messages, typename Key>
void Sort(Messages* messages, Key key) {
  std::sort(messages->begin(), messages->end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
}

}  // namespace

Result<api::NetworkStatusResponse> NetworkReport::Status() const {
  NetworkDescription network = network_.Describe();
  api::NetworkStatusResponse response;
  response.set_mode(network.mode);
  Result<> judgement = network_.Check();
  response.set_ready(judgement.has_value());
  if (!judgement) response.set_problem(Clean(judgement.error().ToString()));
  AddBridge(network, response);
  AddPlugins(network, response);
  AddChecks(network, response);
  AddPods(network, response);
  return response;
}

void NetworkReport::AddPods(const NetworkDescription& network, api::NetworkStatusResponse& response) const {
  for (const SandboxPtr& sandbox : pods_.Sandboxes()) {
    PodNetworkUse use = sandbox->record().Read(PodNetworkUse::Of);
    if (!use.Any()) continue;
    const runtime::v1::PodSandboxConfig& config = sandbox->config();
    api::PodAttachment& pod = *response.add_pods();
    pod.set_id(use.id);
    pod.set_name(Clean(config.metadata().name()));
    pod.set_namespace_(Clean(config.metadata().namespace_()));
    for (const std::string& address : use.addresses) pod.add_addresses(address);
    pod.set_since(use.created_at);
    pod.set_network(use.plugins                ? Clean(use.plugin_file)
                    : use.user_network.empty() ? network.bridge
                                               : use.user_network);
    if (auto problem = network.pod_problems.find(use.id); problem != network.pod_problems.end())
      pod.set_problem(Clean(problem->second));
    AddPorts(config, use, response);
  }
  Sort(response.mutable_pods(),
       [](const api::PodAttachment& pod) { return std::pair(pod.since(), pod.id()); });
  Sort(response.mutable_ports(), [](const api::PublishedPort& port) {
    return std::tuple(port.port(), port.protocol(), port.address());
  });
}

}  // namespace davit::cri
