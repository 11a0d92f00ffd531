// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a network that somebody asks for is to be. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "api/davit/v1/davit.pb.h"
#include "base/error.h"
#include "cni/subnet.h"

namespace davit::local {

// A subnet, and what has it.
using TakenSubnet = std::pair<cni::Subnet, std::string>;

struct NetworkPlan {
  std::vector<cni::Subnet> subnets;      // IPv4 first
  std::vector<cni::IpAddress> gateways;  // of each
};

// kInvalidArgument unless it has the form that the API allows.
Result<> CheckNetworkName(const std::string& name);

// kInvalidArgument names what is wrong in the spec, kFailedPrecondition what overlaps; kResourceExhausted if
// no subnet is free.
Result<NetworkPlan> PlanNetwork(const ::davit::v1::NetworkSpec& spec, const std::vector<TakenSubnet>& taken);

// Whether a container can have these addresses in the network: at most one of each family, in a subnet, and
// not the gateway's.
Result<> CheckWantedAddresses(const ::davit::v1::ContainerSpec& spec, const NetworkPlan& network);

// The checks of what the spec says about its network, without the network.
Result<> CheckNetworkUse(const ::davit::v1::ContainerSpec& spec);

}  // namespace davit::local
