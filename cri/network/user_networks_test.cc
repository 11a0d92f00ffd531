// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/user_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include "base/ids.h"
#include "cni/testing/bridge_fixture.h"
#include "cri/network/all_networks.h"

namespace davit::cri {
namespace {

using cni::Call;
using cni::Endpoint;
using cni::Ip;
using cni::NetNs;
using cni::Serve;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::seconds kPatience(60);

class UserNetworksTest : public cni::BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Start();
  }
  void TearDown() override {
    networks_.reset();
    BridgeTest::TearDown();
  }

  void Start() {
    cni::BridgeConfig node;
    node.name = "davit0";
    NetworkHealth::Options health;
    health.retry = std::chrono::milliseconds(10);
    health.quiet = {};
    networks_ = std::make_unique<UserNetworks>(UserNetworks::Options{node, health}, log_);
  }
  static UserNetwork Network(int number, bool internal = false) {
    std::string n = std::to_string(number);
    return {.id = Id(static_cast<char>('0' + number)),
            .bridge = "usernet" + n,
            .subnets = {cni::ParseSubnet("10.9" + n + ".0.0/24").value()},
            .gateways = {Ip("10.9" + n + ".0.1")},
            .internal = internal};
  }

  struct Running {
    SandboxRecord record;
    NetNs ns;
    runtime::v1::PodSandboxConfig config = {};
    std::string address() const { return record.addresses.at(0); }
  };
  Running StartPodOn(int network, const std::vector<std::string>& wanted = {}) {
    Running pod{{}, NetNs::Make()};
    pod.record.id = NewId().value();
    pod.record.network = Network(network).id;
    pod.record.addresses = wanted;
    Result<> chosen = networks_->Choose(pod.record);
    EXPECT_TRUE(chosen) << chosen.error().ToString();
    Result<> attached = networks_->Attach(pod.config, pod.ns.fd(), pod.record);
    EXPECT_TRUE(attached) << attached.error().ToString();
    return pod;
  }
  void Stop(Running& pod) {
    EXPECT_TRUE(networks_->Detach(pod.config, pod.record));
    networks_->GiveBack(pod.record);
  }
  static std::string Reach(const Running& client, const Running& server) {
    Endpoint endpoint = Serve(server.ns, kTcp, kAny4, 80);
    return Call(client.ns, kTcp, endpoint, server.address(), 80);
  }
  // The bridges and tables that there are.
  std::string Objects() {
    return host_->Shell("ip -o link show type bridge | cut -d: -f2; nft list tables inet; true");
  }

  Logger log_{[](std::string_view) {}, LogLevel::kInfo};
  std::unique_ptr<UserNetworks> networks_;
};

TEST_F(UserNetworksTest, PodsOfOneNetworkReachEachOtherAndNoOther) {
  ASSERT_TRUE(networks_->Add(Network(1)));
  ASSERT_TRUE(networks_->Add(Network(2)));
  Running a = StartPodOn(1);
  Running b = StartPodOn(1);
  Running other = StartPodOn(2);
  EXPECT_EQ(Reach(a, b), a.address());
  EXPECT_THAT(Reach(a, other), HasSubstr("connect: "));
  EXPECT_THAT(Reach(other, a), HasSubstr("connect: "));
  Endpoint elsewhere = Serve(*outside_, kTcp, Ip("192.0.2.2"));
  EXPECT_EQ(Call(a.ns, kTcp, elsewhere, "192.0.2.2", elsewhere.port), kHostIpv4);
  for (Running* pod : {&a, &b, &other}) Stop(*pod);
}

TEST_F(UserNetworksTest, PodsOfAnInternalNetworkHaveNoWayOut) {
  ASSERT_TRUE(networks_->Add(Network(1, /*internal=*/true)));
  Running a = StartPodOn(1);
  Running b = StartPodOn(1);
  EXPECT_EQ(Reach(a, b), a.address());
  EXPECT_EQ(a.ns.Shell("ip route show default"), "");
  a.ns.Shell("ip route add default via 10.91.0.1");
  Endpoint elsewhere = Serve(*outside_, kTcp, Ip("192.0.2.2"));
  EXPECT_THAT(Call(a.ns, kTcp, elsewhere, "192.0.2.2", elsewhere.port), HasSubstr("connect: "))
      << "with a route of its own, too";
}

TEST_F(UserNetworksTest, APodGetsTheAddressThatItWants) {
  ASSERT_TRUE(networks_->Add(Network(1)));
  Running pod = StartPodOn(1, {"10.91.0.77"});
  EXPECT_THAT(pod.record.addresses, ElementsAre("10.91.0.77"));
  SandboxRecord second;
  second.id = Id('s');
  second.network = Network(1).id;
  second.addresses = {"10.91.0.77"};
  EXPECT_EQ(networks_->Choose(second).error().code, Code::kAlreadyExists);
  second.addresses = {"10.92.0.77"};
  EXPECT_EQ(networks_->Choose(second).error().code, Code::kInvalidArgument);
  Stop(pod);
  second.addresses = {"10.91.0.77"};
  EXPECT_TRUE(networks_->Choose(second)) << "it is free again";
}

TEST_F(UserNetworksTest, ANetworkGoesWithAllThatBelongsToIt) {
  std::string before = Objects();
  ASSERT_TRUE(networks_->Add(Network(1)));
  ASSERT_TRUE(networks_->Add(Network(2, /*internal=*/true)));
  Running pod = StartPodOn(1);
  Result<> refused = networks_->Remove(Network(1).id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(if_nametoindex("usernet1"), 0u);
  Stop(pod);
  EXPECT_TRUE(networks_->Remove(Network(1).id));
  EXPECT_TRUE(networks_->Remove(Network(2).id));
  EXPECT_TRUE(networks_->AwaitLook(kPatience));
  EXPECT_EQ(Objects(), before);
  EXPECT_TRUE(networks_->Remove(Network(1).id)) << "again";
}

TEST_F(UserNetworksTest, ASubnetOfTheHostIsRefusedAndNothingIsLeft) {
  std::string before = Objects();
  UserNetwork network = Network(1);
  network.subnets = {cni::ParseSubnet("192.0.2.0/24").value()};
  network.gateways = {Ip("192.0.2.77")};
  Result<> added = networks_->Add(network);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Code::kFailedPrecondition);
  EXPECT_FALSE(networks_->Has(network.id));
  EXPECT_EQ(Objects(), before);
  EXPECT_THAT(networks_->TakenSubnets().value(),
              ::testing::Contains(std::pair(cni::ParseSubnet("192.0.2.0/24").value(), std::string("up0"))));
}

TEST_F(UserNetworksTest, TheNextProcessTakesPodsOver) {
  ASSERT_TRUE(networks_->Add(Network(1)));
  ASSERT_TRUE(networks_->Add(Network(2)));
  Running a = StartPodOn(1);
  Running b = StartPodOn(1);
  networks_.reset();
  EXPECT_EQ(Reach(a, b), a.address()) << "without a daemon";
  Start();
  networks_->Define(Network(1));
  networks_->Define(Network(2));
  EXPECT_THAT(networks_->Recover({{a.config, a.record}, {b.config, b.record}}), IsEmpty());
  EXPECT_TRUE(networks_->AwaitLook(kPatience));
  EXPECT_EQ(Reach(a, b), a.address());
  Running c = StartPodOn(1);
  EXPECT_NE(c.address(), a.address());
  EXPECT_NE(c.address(), b.address());
  Running other = StartPodOn(2);
  EXPECT_THAT(Reach(other, a), HasSubstr("connect: "));
}

TEST_F(UserNetworksTest, ANetworkOfWhichNothingIsKnownAnyMoreStaysApart) {
  ASSERT_TRUE(networks_->Add(Network(1)));
  ASSERT_TRUE(networks_->Add(Network(2)));
  Running a = StartPodOn(1);
  Running sealed = StartPodOn(2);
  networks_.reset();
  Start();
  networks_->Define(Network(1));
  networks_->Seal(Network(2).bridge);
  (void)networks_->Recover({{a.config, a.record}});
  EXPECT_TRUE(networks_->AwaitLook(kPatience));
  EXPECT_THAT(Reach(a, sealed), HasSubstr("connect: "));
  EXPECT_THAT(Reach(sealed, a), HasSubstr("connect: "));
}

TEST_F(UserNetworksTest, BridgesComeBackAfterAReboot) {
  networks_->Define(Network(1));
  SandboxRecord lost;
  lost.id = Id('l');
  lost.network = Id('9');
  lost.addresses = {"10.99.0.2"};
  auto problems = networks_->Recover({{{}, lost}});
  EXPECT_THAT(problems, SizeIs(1)) << "its network has no record";
  EXPECT_NE(if_nametoindex("usernet1"), 0u);
  Running a = StartPodOn(1);
  Running b = StartPodOn(1);
  EXPECT_EQ(Reach(a, b), a.address());
}

TEST_F(UserNetworksTest, WhatSomebodyRemovesIsMadeAgain) {
  std::atomic<int> looks = 0;
  networks_->AfterLooks([&]() -> Result<> {
    ++looks;
    return {};
  });
  ASSERT_TRUE(networks_->Add(Network(1)));
  ASSERT_TRUE(networks_->Add(Network(2)));
  uint32_t before = if_nametoindex("usernet1");
  host_->Shell("ip link del usernet1");
  for (int i = 0; i < 600 && (if_nametoindex("usernet1") == 0 || if_nametoindex("usernet1") == before); ++i)
    networks_->AwaitLook(std::chrono::milliseconds(100));
  EXPECT_NE(if_nametoindex("usernet1"), 0u);
  Running a = StartPodOn(1);
  Running b = StartPodOn(1);
  EXPECT_EQ(Reach(a, b), a.address());
  EXPECT_GT(looks, 0);
  networks_->AfterLooks(nullptr);
}

}  // namespace
}  // namespace davit::cri
