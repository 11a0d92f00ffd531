// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The subnets for which a network's bridge is the gateway, as all runs of the plugin see them.
#pragma once

#include <vector>

#include "base/error.h"
#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/lease_book.h"
#include "cni/davit_bridge/network_config.h"
#include "cni/davit_bridge/result.h"

namespace davit::cni {

// Those of a container's addresses, IPv4 first. Another plugin may give containers addresses of one family at
// a time: the bridge keeps those of the other, from the note of an earlier ADD.
Result<std::vector<GatewaySubnet>> BridgeSubnets(const NetworkConfig& config,
                                                 const std::vector<ResultAddress>& addresses,
                                                 const LeaseBook& book);

// Writes them for later runs if another plugin chooses the addresses.
Result<> NoteSubnets(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets, LeaseBook& book);

// A bridge of other subnets would take the gateway from containers: kFailedPrecondition names one.
Result<> FailIfStranded(const LeaseBook& book, const std::vector<GatewaySubnet>& subnets);

}  // namespace davit::cni
