// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: a goal and facts that agree, for tests that change one of them.
#pragma once

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <string>

#include "cni/bridge_goal.h"

namespace davit::cni {

struct MadeUpWorld {
  static constexpr uint32_t kBridgeIndex = 7;

  BridgeGoal goal;
  BridgeFacts facts;

  // A bridge davit0 of both families with the pods "one" (interface veth1) and "two" (veth2), and the host's
  // up0.
  MadeUpWorld() {
    goal.device = {.name = "davit0",
                   .alias = "davit bridge",
                   .mac = {2, 0xdb, 0, 0, 0, 1},
                   .mtu = 1500,
                   .subnets = {*ParseSubnet("10.80.0.0/16"), *ParseSubnet("fd00:80::/64")},
                   .gateways = {*IpAddress::Parse("10.80.0.1"), *IpAddress::Parse("fd00:80::1")}};
    goal.pods = {{"veth1", "one"}, {"veth2", "two"}};
    facts.links = {{.index = 2, .flags = IFF_UP, .mtu = 1500, .name = "up0", .kind = "veth"},
                   {.index = kBridgeIndex,
                    .flags = IFF_UP,
                    .mtu = 1500,
                    .mac = goal.device.mac,
                    .name = "davit0",
                    .alias = "davit bridge",
                    .kind = "bridge"},
                   Port(8, "veth1", "one"),
                   Port(9, "veth2", "two")};
    facts.addresses = {{2, *IpAddress::Parse("192.0.2.1"), 24, RT_SCOPE_UNIVERSE},
                       {kBridgeIndex, goal.device.gateways[0], 16, RT_SCOPE_UNIVERSE},
                       {kBridgeIndex, goal.device.gateways[1], 64, RT_SCOPE_UNIVERSE},
                       {kBridgeIndex, *IpAddress::Parse("fe80::1"), 64, RT_SCOPE_LINK}};
    for (const Setting& s : HostSettings(goal.device)) facts.settings[s.name] = s.value;
    for (const Setting& s : DeviceSettings(goal.device, true)) facts.settings[s.name] = s.value;
    facts.settings[RouterAdvertisements("up0").name] = "1";
    facts.loopback_route = true;
  }

  static Link Port(uint32_t index, const std::string& name, const std::string& sandbox) {
    return {.index = index,
            .flags = IFF_UP,
            .master = kBridgeIndex,
            .mtu = 1500,
            .hairpin = true,
            .name = name,
            .alias = sandbox,
            .kind = "veth"};
  }

  Link& link(const std::string& name) { return *std::ranges::find(facts.links, name, &Link::name); }
  void Remove(const std::string& name) {
    std::erase_if(facts.links, [&](const Link& link) { return link.name == name; });
  }
};

}  // namespace davit::cni
