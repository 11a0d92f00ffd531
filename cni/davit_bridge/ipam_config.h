// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The object `ipam` of a network configuration: which addresses pods get, or which plugin chooses them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_object.h"
#include "cni/ipam.h"
#include "cni/route.h"
#include "cni/subnet.h"

namespace davit::cni {

// One range of addresses; each pod gets one of each RangeSet.
struct AddressRange {
  Subnet subnet;
  PoolLimits limits;

  IpAddress gateway() const { return limits.gateway.value_or(subnet.AddressAt(1)); }
};
// Ranges of one subnet with one gateway. A later one is used when those before are full.
using RangeSet = std::vector<AddressRange>;

struct IpamConfig {
  std::string plugin;               // another plugin that chooses; empty: none
  std::vector<RangeSet> sets = {};  // empty without `plugin`: pods get no addresses. IPv4 first
  std::vector<Route> routes = {};

  bool IsBuiltIn() const { return !sets.empty(); }
};

// The name of the plugin that chooses addresses; empty if it is this one, or none.
Result<std::string> ParseIpamPlugin(JsonObject object);

// Of a delegated one, only the plugin's name is read.
Result<IpamConfig> ParseIpam(JsonObject object);

}  // namespace davit::cni
