// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What an operator chooses about one bridge, and what follows from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/bridge_goal.h"
#include "cni/bridge_tables.h"
#include "cni/subnet.h"

namespace davit::cni {

// Instances on one host need different names, tables and subnets; the names of all other kernel objects
// derive from these.
struct BridgeConfig {
  std::string name = "davit0";  // of the interface, at most 15 characters
  std::vector<Subnet> subnets;  // at most one IPv4 and one IPv6
  // The bridge's address in the subnet that contains it; else the first address of the subnet.
  std::vector<IpAddress> gateways = {};
  std::string table = "davit";  // the nftables table, in family inet
  // Of the bridge and the pods' interfaces; 0: the kernel's default. With follow_uplink it counts as long as
  // the host has no default route.
  uint32_t mtu = 0;
  std::vector<IpAddress> resume_at = {};   // where the search for free addresses starts (AddressPool)
  bool routed = true;                      // pods have default routes; false: they reach their subnets only
  bool masquerade = true;                  // connections of pods to the outside
  std::vector<Subnet> no_masquerade = {};  // except to these destinations, any number of each family
  // Frames between pods pass the host's rules, whatever bridge-nf-call-iptables is, if the kernel can: pods
  // that reach each other through a Service of kube-proxy keep their addresses. Costs some throughput between
  // pods.
  bool filter_bridged = false;
  bool own_tables = true;  // if the kernel can (PortTable); false: others can change them
  // The MTU is that of the interface of the host's default route, the smallest of several.
  bool follow_uplink = false;
};

// kInvalidArgument: a bad name, table or MTU, two subnets of one family, one that is too small, or a gateway
// that is no host address of a subnet.
Result<> CheckConfig(const BridgeConfig& config);

// The alias by which a bridge is known as that of this table's instance.
std::string BridgeAlias(const std::string& table);

// IPv4 comes first, here and in the tables.
BridgeDevice DeviceOf(const BridgeConfig& config);
IpAddress GatewayOf(const BridgeConfig& config, const Subnet& subnet);
BridgeTables TablesOf(const BridgeConfig& config);

}  // namespace davit::cni
