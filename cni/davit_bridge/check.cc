// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>

#include "cni/davit_bridge/bridge_subnets.h"
#include "cni/davit_bridge/commands.h"
#include "cni/davit_bridge/container_link.h"
#include "cni/davit_bridge/delegate.h"
#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/host_rules.h"
#include "cni/davit_bridge/lease_book.h"

namespace davit::cni {
namespace {

Result<Lease> RequireLease(const LeaseBook& book, const Invocation& call) {
  const Lease* lease = book.Find({call.container_id, call.interface});
  if (lease != nullptr) return *lease;
  return Fail(Code::kFailedPrecondition, "check container", call.Key(), "it is not attached to this network");
}

// The part of a result that is the lease's: the rest is of other plugins.
std::vector<ResultAddress> OwnAddresses(const CniResult& previous, const Lease& lease) {
  std::vector<ResultAddress> own = previous.addresses;
  std::erase_if(own, [&](const ResultAddress& address) { return !lease.Holds(address.address); });
  return own;
}

Result<> CheckHost(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets,
                   const HostBridge& bridge, const Lease& lease, LeaseBook& book) {
  if (!config.is_gateway) return {};
  HostRules rules = TRY(HostRules::Open(TablesOf(config, subnets, bridge.answers_pass), book));
  std::vector<PortMapping> mappings = TRY(ParsePortMappings(TRY(book.PortsOf(lease))));
  return rules.Check(TRY(ExpandMappings(mappings, lease.addresses)));
}

}  // namespace

Result<Outcome> CheckContainer(const Invocation& call, const NetworkConfig& config, int netns_fd) {
  if (!config.previous)
    return Fail(Code::kInvalidArgument, "read network configuration", "prevResult", "CHECK needs it");
  if (!config.ipam.plugin.empty()) TRY(Delegate(config.ipam.plugin, "CHECK", call.path, config.text));
  LeaseBook book = TRY(LeaseBook::Open(config.data_dir, config.name));
  Lease lease = TRY(RequireLease(book, call));
  std::vector<ResultAddress> own = OwnAddresses(*config.previous, lease);
  if (own.size() != lease.addresses.size())
    return Fail(Code::kFailedPrecondition, "check container", call.Key(),
                "prevResult lacks an address that the container has leased");
  std::vector<GatewaySubnet> subnets =
      config.ipam.IsBuiltIn() ? ConfiguredSubnets(config) : TRY(BridgeSubnets(config, own, book));
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  HostBridge bridge = TRY(CheckBridge(routes, config, subnets));
  TRY(CheckContainerLink(routes, bridge, call, config, netns_fd, *config.previous));
  TRY(CheckHost(config, subnets, bridge, lease, book));
  return Outcome{};
}

}  // namespace davit::cni
