// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The bridge of a network, as one run of the plugin needs it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "cni/bridge_tables.h"
#include "cni/davit_bridge/network_config.h"
#include "cni/davit_bridge/result.h"
#include "cni/link.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

// A subnet of pods, and the bridge's address in it.
struct GatewaySubnet {
  Subnet subnet;
  IpAddress gateway;

  bool operator==(const GatewaySubnet&) const = default;
};

// Those of the pod's addresses; none if the bridge is not the pods' gateway. An address without a gateway
// has the first host address of its subnet as one.
std::vector<GatewaySubnet> SubnetsOf(const NetworkConfig& config,
                                     const std::vector<ResultAddress>& addresses);
// Those of the configuration; none if another plugin chooses the addresses.
std::vector<GatewaySubnet> ConfiguredSubnets(const NetworkConfig& config);

struct HostBridge {
  Link link;
  AnswersPass answers_pass;
};

// Makes the bridge, or repairs what differs. Without isGateway, a bridge that somebody else has made is used
// as it is. kFailedPrecondition: the name belongs to another link, or another network's bridge, or an
// interface has an address in one of the subnets.
Result<HostBridge> EnsureBridge(NetlinkSocket& routes, const NetworkConfig& config,
                                const std::vector<GatewaySubnet>& subnets);

// What EnsureBridge would find, without a change: kFailedPrecondition also if it had to make or repair
// something.
Result<HostBridge> CheckBridge(NetlinkSocket& routes, const NetworkConfig& config,
                               const std::vector<GatewaySubnet>& subnets);

// Succeeds if EnsureBridge could make, repair or use the bridge, as far as a look can tell.
Result<> CheckBridgeIsPossible(NetlinkSocket& routes, const NetworkConfig& config,
                               const std::vector<GatewaySubnet>& subnets);

// The tables of the network; only for one with isGateway.
BridgeTables TablesOf(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets,
                      AnswersPass answers_pass);

}  // namespace davit::cni
