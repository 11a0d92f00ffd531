// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/network_changes.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "cni/testing/made_up_world.h"

namespace davit::cni {
namespace {

class ConcernsTest : public ::testing::Test {
 protected:
  bool Disturbs(const NetworkChanges& changes) {
    return Concerns(world_.goal, MadeUpWorld::kBridgeIndex, changes);
  }
  bool Disturbs(const Link& link, bool deleted = false) {
    return Disturbs(NetworkChanges{.links = {{link.index, {link, deleted}}}});
  }

  MadeUpWorld world_;
};

TEST_F(ConcernsTest, LinksAsTheyShouldBeDoNot) {
  for (const Link& link : world_.facts.links) EXPECT_FALSE(Disturbs(link)) << link.name;
  EXPECT_FALSE(Disturbs(NetworkChanges()));
}

TEST_F(ConcernsTest, TheBridgeDoesWhenItDiffers) {
  const Link bridge = world_.link("davit0");
  EXPECT_TRUE(Disturbs(bridge, /*deleted=*/true));
  auto with = [&](auto change) {
    Link changed = bridge;
    change(changed);
    return Disturbs(changed);
  };
  EXPECT_TRUE(with([](Link& l) { l.name = "mine"; }));
  EXPECT_TRUE(with([](Link& l) { l.flags = 0; }));
  EXPECT_TRUE(with([](Link& l) { l.mac = {}; }));
  EXPECT_TRUE(with([](Link& l) { l.mtu = 1400; }));
  EXPECT_TRUE(with([](Link& l) { l.snooping = true; }));
  EXPECT_TRUE(with([](Link& l) { l.alias = ""; }));
  EXPECT_TRUE(with([](Link& l) { l.index = 30; })) << "another link of the name";
}

TEST_F(ConcernsTest, PortsOfLivePodsDoWhenTheyDiffer) {
  const Link port = world_.link("veth1");
  EXPECT_TRUE(Disturbs(port, /*deleted=*/true));
  for (auto change : {+[](Link& l) { l.master = 0; }, +[](Link& l) { l.flags = 0; },
                      +[](Link& l) { l.hairpin = false; }, +[](Link& l) { l.name = "eth7"; }}) {
    Link changed = port;
    change(changed);
    EXPECT_TRUE(Disturbs(changed));
  }
}

TEST_F(ConcernsTest, PodsThatComeAndGoDoNot) {
  Link coming = MadeUpWorld::Port(20, "veth3", "three");
  coming.master = 0;
  EXPECT_FALSE(Disturbs(coming));
  EXPECT_FALSE(Disturbs(coming, /*deleted=*/true));
  EXPECT_FALSE(Disturbs(Link{.index = 21, .name = "docker0", .kind = "bridge"}));
}

TEST_F(ConcernsTest, AddressesOfTheSubnetsDo) {
  InterfaceAddress gateway = world_.facts.addresses[1];
  InterfaceAddress elsewhere = world_.facts.addresses[0];
  EXPECT_TRUE(Disturbs(NetworkChanges{.removed_addresses = {gateway}}));
  EXPECT_FALSE(Disturbs(NetworkChanges{.removed_addresses = {elsewhere}}));
  EXPECT_FALSE(Disturbs(NetworkChanges{.added_addresses = {gateway}})) << "our own";
  gateway.index = 2;
  EXPECT_TRUE(Disturbs(NetworkChanges{.added_addresses = {gateway}})) << "a conflict";
}

TEST_F(ConcernsTest, ForwardingDoesForTheFamiliesInUse) {
  EXPECT_TRUE(Disturbs(NetworkChanges{.forwarding_off = {AF_INET}}));
  EXPECT_TRUE(Disturbs(NetworkChanges{.forwarding_off = {AF_INET6}}));
  world_.goal.device.subnets.pop_back();
  EXPECT_FALSE(Disturbs(NetworkChanges{.forwarding_off = {AF_INET6}}));
}

TEST_F(ConcernsTest, TheMtuOfUplinksDoesIfItCounts) {
  Link uplink = world_.link("up0");
  uplink.mtu = 1400;
  EXPECT_FALSE(Disturbs(uplink));
  EXPECT_FALSE(Disturbs(NetworkChanges{.default_route = true}));
  world_.goal.device.follow_uplink = true;
  world_.goal.uplinks = {uplink.index};
  EXPECT_TRUE(Disturbs(uplink));
  EXPECT_TRUE(Disturbs(NetworkChanges{.default_route = true}));
  uplink.mtu = 1500;
  EXPECT_FALSE(Disturbs(uplink));
  EXPECT_TRUE(Disturbs(uplink, /*deleted=*/true));
}

TEST_F(ConcernsTest, ForeignRulesAndLostAnnouncementsDo) {
  EXPECT_TRUE(Disturbs(NetworkChanges{.rules = true}));
  EXPECT_TRUE(Disturbs(NetworkChanges{.lost = true}));
}

}  // namespace
}  // namespace davit::cni
