// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cni/testing/made_up_world.h"

namespace davit::cni {
namespace {

using Kind = Repair::Kind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BridgePlanTest : public ::testing::Test {
 protected:
  // What is planned, in words.
  std::vector<std::string> Plan() {
    RepairPlan plan = PlanRepairs(world_.goal, world_.facts).value();
    std::vector<std::string> texts;
    for (const Repair& repair : plan.repairs) texts.push_back(repair.ToString());
    return texts;
  }
  std::string Conflict() { return PlanRepairs(world_.goal, world_.facts).error().ToString(); }

  MadeUpWorld world_;
};

TEST_F(BridgePlanTest, WhatIsAsItShouldBeStaysAlone) {
  EXPECT_THAT(Plan(), IsEmpty());
}

TEST_F(BridgePlanTest, AMissingBridgeIsMadeBeforeAnythingThatNeedsIt) {
  world_.Remove("davit0");
  std::erase_if(world_.facts.addresses, [](const auto& a) { return a.index == 7; });
  world_.link("veth1").master = 0;
  EXPECT_THAT(Plan(), ElementsAre("davit0 was missing"));
}

TEST_F(BridgePlanTest, ANewBridgeGetsAllOfItsParts) {
  Link& bridge = world_.link("davit0");
  bridge = {.index = 7, .mtu = 1500, .mac = bridge.mac, .snooping = true, .name = "davit0", .kind = "bridge"};
  std::erase_if(world_.facts.addresses, [](const auto& a) { return a.index == 7; });
  world_.facts.settings["net/ipv4/conf/davit0/route_localnet"] = "0";
  world_.facts.settings["net/ipv6/conf/davit0/disable_ipv6"] = "1";
  world_.facts.loopback_route = false;
  for (const char* port : {"veth1", "veth2"}) world_.link(port).master = 0;
  EXPECT_THAT(
      Plan(),
      ElementsAre("davit0 lacked our mark", "davit0 had multicast snooping on",
                  "net/ipv4/conf/davit0/route_localnet was not 1",
                  "net/ipv6/conf/davit0/disable_ipv6 was not 0", "davit0 lacked the address 10.80.0.1",
                  "davit0 lacked the address fd00:80::1", "davit0 lacked the address fe80::db:ff:fe00:1",
                  "davit0 was down", "davit0 lacked the local route for ::1",
                  "veth1 was not a working port of the bridge",
                  "veth2 was not a working port of the bridge"));
}

TEST_F(BridgePlanTest, ARenamedBridgeGetsItsNameBackBeforeAnythingElse) {
  world_.link("davit0").name = "mine";
  world_.link("veth1").master = 0;
  RepairPlan plan = PlanRepairs(world_.goal, world_.facts).value();
  ASSERT_EQ(plan.repairs.size(), 1u);
  EXPECT_EQ(plan.repairs[0].kind, Kind::kRename);
  EXPECT_EQ(plan.repairs[0].index, 7u);
  EXPECT_EQ(plan.repairs[0].value, "davit0");
}

TEST_F(BridgePlanTest, AForeignLinkOfTheNameIsAConflictAlsoBesideTheRenamedBridge) {
  Link foreign = {.index = 20, .name = "davit0", .kind = "bridge"};
  world_.link("davit0").name = "mine";
  world_.facts.links.push_back(foreign);
  EXPECT_THAT(Conflict(), AllOf(HasSubstr("davit0"), HasSubstr("not made for this purpose")));
  world_.Remove("mine");
  EXPECT_THAT(Conflict(), HasSubstr("davit0"));
  world_.link("davit0").kind = "dummy";
  world_.link("davit0").alias = world_.goal.device.alias;
  EXPECT_THAT(Conflict(), HasSubstr("davit0")) << "the mark alone makes no bridge";
}

TEST_F(BridgePlanTest, AnAddressOfAnotherInterfaceInASubnetIsAConflictThatNamesIt) {
  world_.facts.addresses.push_back({2, *IpAddress::Parse("10.80.3.3"), 24, RT_SCOPE_UNIVERSE});
  EXPECT_THAT(Conflict(), AllOf(HasSubstr("10.80.3.3"), HasSubstr("up0"), HasSubstr("10.80.0.0/16")));
}

TEST_F(BridgePlanTest, PropertiesOfTheDeviceAreCorrectedOneByOne) {
  Link& bridge = world_.link("davit0");
  bridge.mac = {};
  EXPECT_THAT(Plan(), ElementsAre("davit0 had another MAC address"));
  bridge.mac = world_.goal.device.mac;
  bridge.mtu = 1400;
  EXPECT_THAT(Plan(), ElementsAre("davit0 had another MTU"));
  world_.goal.device.mtu = 0;
  EXPECT_THAT(Plan(), IsEmpty()) << "any MTU is as good";
  bridge.flags = 0;
  EXPECT_THAT(Plan(), ElementsAre("davit0 was down"));
}

TEST_F(BridgePlanTest, PodsWithAnotherMtuAreNamed) {
  world_.link("veth2").mtu = 9000;
  RepairPlan plan = PlanRepairs(world_.goal, world_.facts).value();
  EXPECT_THAT(plan.repairs, IsEmpty());
  EXPECT_THAT(plan.other_mtu, ElementsAre("two"));
  world_.goal.device.mtu = 0;
  EXPECT_THAT(PlanRepairs(world_.goal, world_.facts)->other_mtu, IsEmpty()) << "any MTU is as good";
}

TEST_F(BridgePlanTest, TheSmallestUplinkCountsAsFarAsTheFamiliesAllow) {
  world_.facts.uplinks = {2};
  EXPECT_EQ(MtuOfUplinks(world_.facts, world_.goal.device), 1500u);
  world_.facts.links.push_back({.index = 3, .mtu = 1420, .name = "wg0"});
  world_.facts.uplinks = {2, 3};
  EXPECT_EQ(MtuOfUplinks(world_.facts, world_.goal.device), 1420u);
  world_.link("wg0").mtu = 900;
  EXPECT_EQ(MtuOfUplinks(world_.facts, world_.goal.device), 1280u) << "what IPv6 needs";
  world_.goal.device.subnets.pop_back();
  EXPECT_EQ(MtuOfUplinks(world_.facts, world_.goal.device), 900u);
  world_.link("wg0").mtu = 65536;
  world_.facts.uplinks = {3};
  EXPECT_EQ(MtuOfUplinks(world_.facts, world_.goal.device), 65535u);
  world_.facts.uplinks = {77};
  EXPECT_EQ(MtuOfUplinks(world_.facts, world_.goal.device), std::nullopt);
}

TEST_F(BridgePlanTest, AddressesAreReplaced) {
  world_.facts.addresses[1].address = *IpAddress::Parse("10.90.0.1");
  EXPECT_THAT(Plan(), ElementsAre("davit0 had the address 10.90.0.1", "davit0 lacked the address 10.80.0.1"));
  world_.facts.addresses[1] = {7, world_.goal.device.gateways[0], 24, RT_SCOPE_UNIVERSE};
  EXPECT_THAT(Plan(), ElementsAre("davit0 had the address 10.80.0.1", "davit0 lacked the address 10.80.0.1"))
      << "of another prefix length";
}

// Without one, the host sends no neighbour solicitations to pods.
TEST_F(BridgePlanTest, AnyLinkLocalAddressIsEnoughButThereIsOne) {
  world_.facts.addresses[3].address = *IpAddress::Parse("fe80::77");
  EXPECT_THAT(Plan(), IsEmpty());
  world_.facts.addresses.pop_back();
  EXPECT_THAT(Plan(), ElementsAre("davit0 lacked the address fe80::db:ff:fe00:1"));
  world_.goal.device.subnets.pop_back();
  world_.goal.device.gateways.pop_back();
  world_.facts.addresses.pop_back();
  EXPECT_THAT(Plan(), IsEmpty()) << "without IPv6";
}

TEST_F(BridgePlanTest, ForwardingComesBackAndKeepsRouterAdvertisementsOfOtherLinks) {
  world_.facts.settings["net/ipv4/ip_forward"] = "0";
  EXPECT_THAT(Plan(), ElementsAre("net/ipv4/ip_forward was not 1"));
  world_.facts.settings["net/ipv4/ip_forward"] = "1";
  world_.facts.settings[kIpv6Forwarding] = "0";
  EXPECT_THAT(Plan(),
              ElementsAre("net/ipv6/conf/up0/accept_ra was not 2", "net/ipv6/conf/all/forwarding was not 1"));
}

TEST_F(BridgePlanTest, SettingsThatTheKernelLacksAreNotWritten) {
  world_.facts.settings.clear();
  EXPECT_THAT(Plan(), IsEmpty());
}

TEST_F(BridgePlanTest, APortIsMadeAgainAndTheOtherLeftAlone) {
  Link good = world_.link("veth1");
  for (Link bad :
       {Link{.index = 8, .name = "veth1"}, Link{.index = 8, .flags = IFF_UP, .master = 3, .hairpin = true},
        Link{.index = 8, .flags = 0, .master = 7, .hairpin = true},
        Link{.index = 8, .flags = IFF_UP, .master = 7, .hairpin = false}}) {
    bad.name = "veth1";
    bad.alias = "one";
    bad.kind = "veth";
    world_.link("veth1") = bad;
    EXPECT_THAT(Plan(), ElementsAre("veth1 was not a working port of the bridge"));
  }
  world_.link("veth1") = good;
  EXPECT_THAT(Plan(), IsEmpty());
}

TEST_F(BridgePlanTest, ARenamedPortGetsItsNameBack) {
  world_.link("veth1").name = "eth7";
  EXPECT_THAT(Plan(), ElementsAre("veth1 was renamed to eth7"));
}

TEST_F(BridgePlanTest, APodWhoseInterfaceIsGoneIsLostAndNoStrangersIsTakenForIt) {
  world_.link("veth1").alias = "stranger";
  world_.link("veth1").master = 0;
  RepairPlan plan = PlanRepairs(world_.goal, world_.facts).value();
  EXPECT_THAT(plan.repairs, IsEmpty());
  EXPECT_THAT(plan.lost, ElementsAre("one"));
}

}  // namespace
}  // namespace davit::cni
