// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/host_bridge.h"

#include <net/if.h>

#include <algorithm>
#include <optional>
#include <string>

#include "cni/bridge_config.h"
#include "cni/bridge_repair.h"

namespace davit::cni {
namespace {

BridgeConfig ConfigWith(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets) {
  BridgeConfig bridge = config.bridge;
  for (const GatewaySubnet& s : subnets) bridge.subnets.push_back(s.subnet);
  return bridge;
}

BridgeDevice DeviceWith(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets) {
  BridgeDevice device = DeviceOf(ConfigWith(config, subnets));
  for (size_t i = 0; i < device.subnets.size(); ++i)
    device.gateways[i] = std::ranges::find(subnets, device.subnets[i], &GatewaySubnet::subnet)->gateway;
  return device;
}

// A bridge of somebody else that this network may use.
Result<std::optional<Link>> FindForeign(NetlinkSocket& routes, const NetworkConfig& config) {
  std::optional<Link> link = TRY(FindLink(routes, config.bridge.name));
  if (!link || link->kind != "bridge" || link->alias == BridgeAlias(config.bridge.table))
    return std::optional<Link>();
  // With another network's mark it is a mistake, as is one that would have to be the pods' gateway.
  if (config.is_gateway || link->alias.starts_with(BridgeAlias(""))) return std::optional<Link>();
  return link;
}

Result<Link> FindDevice(NetlinkSocket& routes, const std::string& name) {
  std::optional<Link> link = TRY(FindLink(routes, name));
  if (link) return *link;
  return Fail(Code::kFailedPrecondition, "find bridge", name, "somebody has removed it");
}

Result<> BringUp(NetlinkSocket& routes, const Link& link) {
  if ((link.flags & IFF_UP) != 0) return {};
  NetlinkBatch batch;
  SetLinkUp(batch, link.index);
  return routes.Execute(batch);
}

}  // namespace

std::vector<GatewaySubnet> SubnetsOf(const NetworkConfig& config,
                                     const std::vector<ResultAddress>& addresses) {
  std::vector<GatewaySubnet> subnets;
  if (!config.is_gateway) return subnets;
  for (const ResultAddress& address : addresses) {
    Subnet subnet = SubnetOf(address.address, address.prefix);
    GatewaySubnet found{subnet, address.gateway.value_or(subnet.AddressAt(1))};
    if (std::ranges::find(subnets, found) == subnets.end()) subnets.push_back(found);
  }
  return subnets;
}

std::vector<GatewaySubnet> ConfiguredSubnets(const NetworkConfig& config) {
  std::vector<GatewaySubnet> subnets;
  if (!config.is_gateway) return subnets;
  for (const RangeSet& set : config.ipam.sets) subnets.push_back({set.front().subnet, set.front().gateway()});
  return subnets;
}

// Mostly nothing differs, and a look at the one device shows it.
Result<HostBridge> EnsureBridge(NetlinkSocket& routes, const NetworkConfig& config,
                                const std::vector<GatewaySubnet>& subnets) {
  if (std::optional<Link> foreign = TRY(FindForeign(routes, config))) {
    TRY(BringUp(routes, *foreign));
    return HostBridge{*foreign, {}};
  }
  TRY(CheckConfig(ConfigWith(config, subnets)));
  BridgeDevice device = DeviceWith(config, subnets);
  PlannedBridge planned = TRY(PlanDevice(routes, device));
  if (!planned.plan.repairs.empty()) {
    BridgeRepairs repairs;
    auto plan = [&]() -> Result<PlannedBridge> {
      planned = TRY(PlanBridge(routes, {.device = device}));
      return planned;
    };
    TRY(RepairBridge(routes, plan, repairs));
  }
  return HostBridge{TRY(FindDevice(routes, device.name)), planned.answers_pass};
}

Result<HostBridge> CheckBridge(NetlinkSocket& routes, const NetworkConfig& config,
                               const std::vector<GatewaySubnet>& subnets) {
  if (std::optional<Link> foreign = TRY(FindForeign(routes, config))) return HostBridge{*foreign, {}};
  PlannedBridge planned = TRY(PlanDevice(routes, DeviceWith(config, subnets)));
  if (!planned.plan.repairs.empty())
    return Fail(Code::kFailedPrecondition, "check bridge", config.bridge.name, Listed(planned.plan.repairs));
  return HostBridge{TRY(FindDevice(routes, config.bridge.name)), planned.answers_pass};
}

Result<> CheckBridgeIsPossible(NetlinkSocket& routes, const NetworkConfig& config,
                               const std::vector<GatewaySubnet>& subnets) {
  if (TRY(FindForeign(routes, config))) return {};
  TRY(CheckConfig(ConfigWith(config, subnets)));
  TRY(PlanBridge(routes, {.device = DeviceWith(config, subnets)}));
  return {};
}

BridgeTables TablesOf(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets,
                      AnswersPass answers_pass) {
  BridgeTables tables = TablesOf(ConfigWith(config, subnets));
  tables.answers_pass = answers_pass;
  return tables;
}

}  // namespace davit::cni
