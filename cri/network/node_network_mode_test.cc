// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Bridge or plugins, and the pod CIDR.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/network/node_network.h"
#include "cri/network/testing/node_network_fixture.h"

namespace davit::cri {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// --- Modes

TEST_F(NodeNetworkTest, WithoutAConfigurationOfPluginsThereIsNoOtherNetwork) {
  options_.mode = NodeNetwork::Mode::kPlugins;
  Start();
  EXPECT_THAT(network_->Check().error().ToString(), HasSubstr(dir_ + "/conf"));
  EXPECT_THAT(ChooseForNextPod().error().ToString(), HasSubstr(dir_ + "/conf"));
  EXPECT_FALSE(BridgeExists());
  Install("a");
  Configure("a");
  EXPECT_TRUE(Judgement());
  RecordedPod pod = RunPod();

  fs::remove(ConfFile());  // as the upgrade of a network does for a moment
  EXPECT_FALSE(Judgement());
  EXPECT_FALSE(ChooseForNextPod());
  EXPECT_FALSE(BridgeExists());
  EXPECT_TRUE(cni::IsPinned(dir_ + "/pins", pod.record.id)) << "the pod keeps its network";
  EXPECT_TRUE(Detach(pod));
  EXPECT_EQ(Calls().back(), "a DEL netns=there");
}

TEST_F(NodeNetworkTest, AnInvalidConfigurationIsDescribedAndTheLastValidOneServes) {
  Install("a");
  Configure("a");
  Start();
  std::ofstream(ConfFile()) << "{\n\"name\": \n}";
  EXPECT_TRUE(Judgement());
  EXPECT_THAT(network_->Describe().complaint, AllOf(HasSubstr(ConfFile()), HasSubstr("line 3")));
  EXPECT_TRUE(RunPod().record.plugins);
  Configure("a");
  EXPECT_EQ(network_->Describe().complaint, "");

  std::ofstream(ConfFile()) << "{";
  Restart({});
  EXPECT_THAT(network_->Check().error().ToString(), HasSubstr(ConfFile())) << "no valid one is known";
}

TEST_F(NodeNetworkTest, TheBridgeOfAnEarlierProcessGoesWhenPluginsAreTheMode) {
  Start();
  ASSERT_TRUE(BridgeExists());
  Install("a");
  Configure("a");
  Restart({});
  EXPECT_FALSE(BridgeExists());
  host_->Shell("ip link add davit0 type bridge");
  EXPECT_TRUE(Judgement());
  EXPECT_TRUE(BridgeExists()) << "somebody else's";
}

TEST_F(NodeNetworkTest, TheBridgesModeIgnoresConfigurationsOfPlugins) {
  Install("a");
  Configure("a");
  RestartWithMode(NodeNetwork::Mode::kBridge, {});
  EXPECT_TRUE(network_->Check());
  EXPECT_FALSE(RunPod().record.plugins);
  EXPECT_THAT(Calls(), IsEmpty());
}

TEST_F(NodeNetworkTest, WithoutAModeAConfigurationOfPluginsLeavesNewPodsWithoutNetwork) {
  Start();
  EXPECT_TRUE(network_->Check()) << "the bridge is the default";
  RecordedPod pod = RunPod(8080);
  Install("a");
  Configure("a");
  options_.mode.reset();
  Restart({pod});
  EXPECT_THAT(network_->Check().error().ToString(),
              AllOf(HasSubstr("[network] mode"), HasSubstr(ConfFile())));
  EXPECT_THAT(ChooseForNextPod().error().ToString(), HasSubstr("[network] mode"));
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), HasSubstr("8080")) << "the pod keeps its network";
  EXPECT_TRUE(Detach(pod));
  fs::remove(ConfFile());
  EXPECT_TRUE(Judgement());
}

TEST_F(NodeNetworkTest, APodOfPluginsIsTakenDownByThemInTheBridgesMode) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  RestartWithMode(NodeNetwork::Mode::kBridge, {pod});
  EXPECT_THAT(*Detach(pod), IsEmpty());
  EXPECT_EQ(Calls().back(), "a DEL netns=there");
}

TEST_F(NodeNetworkTest, PluginsTakeTheBridgesPlaceWhenItHasNoPods) {
  Start();
  RecordedPod pod = RunPod(8080);
  Install("a");
  Configure("a");
  Restart({pod});
  EXPECT_TRUE(network_->Check());
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), HasSubstr("8080")) << "the pod keeps its network";
  EXPECT_TRUE(BridgeExists());
  ASSERT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  EXPECT_TRUE(Judgement());
  EXPECT_FALSE(BridgeExists());
}

// --- Pod CIDR

TEST_F(NodeNetworkTest, BeforeThePodCidrIsKnownThereIsNoBridge) {
  options_.pod_cidr = true;
  Start();
  EXPECT_THAT(network_->Check().error().ToString(), HasSubstr("pod CIDR"));
  EXPECT_THAT(ChooseForNextPod().error().ToString(), HasSubstr("pod CIDR"));
  EXPECT_TRUE(network_->SetPodCidr("")) << "the kubelet says this while the node has none";
  EXPECT_FALSE(Judgement());
  EXPECT_FALSE(BridgeExists());

  EXPECT_TRUE(network_->SetPodCidr("10.99.0.0/24"));
  EXPECT_TRUE(Judgement());
  RecordedPod pod = RunPod();
  EXPECT_THAT(pod.record.addresses, ElementsAre("10.99.0.2"));
  Restart({pod});
  EXPECT_TRUE(network_->Check()) << "it is stored";
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.99.0.3"));
}

TEST_F(NodeNetworkTest, APodCidrThatTheHostUsesOtherwiseIsRefusedAndTheNextOneServes) {
  options_.pod_cidr = true;
  Start();
  Result<> taken = network_->SetPodCidr("192.0.2.0/24");
  EXPECT_THAT(taken.error().ToString(), HasSubstr("up0"));
  EXPECT_EQ(pod_cidr_.value, "");
  EXPECT_THAT(Judgement().error().ToString(), HasSubstr("pod CIDR"));
  EXPECT_TRUE(network_->SetPodCidr("10.99.0.0/24"));
  EXPECT_TRUE(Judgement());
}

TEST_F(NodeNetworkTest, ConfiguredSubnetsStayWhateverThePodCidrIs) {
  pod_cidr_.value = "10.98.0.0/24";  // of an earlier configuration
  Start();
  EXPECT_TRUE(network_->SetPodCidr("10.99.0.0/24"));
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.80.0.2", "fd00:80::2"));
  EXPECT_EQ(pod_cidr_.value, "10.98.0.0/24");
}

TEST_F(NodeNetworkTest, AFormerPodCidrCountsByDefaultWhilePodsHaveItsAddresses) {
  options_.pod_cidr = true;
  pod_cidr_.value = "10.98.0.0/24";
  Start();
  RecordedPod pod = RunPod();
  options_.pod_cidr = false;
  options_.default_subnets = true;
  Restart({pod});
  EXPECT_TRUE(network_->Check());
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.98.0.3"));
  EXPECT_THAT(host_->Shell("ip -o address show dev davit0"), HasSubstr("10.98.0.1/24"));
  Restart({});
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.80.0.2", "fd00:80::2")) << "no pod has them now";
}

TEST_F(NodeNetworkTest, APodCidrThatRunningPodsRefuseIsNamed) {
  Start();
  RecordedPod pod = RunPod();
  options_.pod_cidr = true;
  Restart({pod});
  EXPECT_EQ(network_->SetPodCidr("10.99.0.0/24").error().code, Code::kFailedPrecondition);
  EXPECT_THAT(Judgement().error().ToString(),
              AllOf(HasSubstr("10.99.0.0/24 was sent"), HasSubstr("refused"), HasSubstr("10.80.0.2")));
  EXPECT_TRUE(Detach(pod));
  EXPECT_TRUE(network_->SetPodCidr("10.99.0.0/24")) << "its lease is not of these subnets";
  EXPECT_TRUE(Judgement());
}

TEST_F(NodeNetworkTest, ABridgeIsUsedAndRemovedByTheModeOfPluginsWithoutAPodCidr) {
  Start();
  RecordedPod pod = RunPod(8080);
  Install("a");
  Configure("a");
  options_.pod_cidr = true;
  Restart({pod});
  EXPECT_TRUE(Detach(pod));
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), Not(HasSubstr("8080")));
  network_->GiveBack(pod.record);
  EXPECT_TRUE(Judgement());
  EXPECT_FALSE(BridgeExists());
}

TEST_F(NodeNetworkTest, AnUnreadableStoredPodCidrHasToBeSentAgain) {
  options_.pod_cidr = true;
  pod_cidr_.value = "ten dot one";
  Start();
  EXPECT_FALSE(network_->Check());
  EXPECT_TRUE(network_->SetPodCidr("10.99.0.0/24"));
  EXPECT_TRUE(Judgement());
}

TEST_F(NodeNetworkTest, ThePodCidrMovesTheBridgeUnlessPodsAreOnIt) {
  options_.pod_cidr = true;
  pod_cidr_.value = "10.80.0.0/16,fd00:80::/64";
  Start();
  RecordedPod pod = RunPod();
  EXPECT_EQ(network_->SetPodCidr("10.99.0.0/24").error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(network_->SetPodCidr("10.80.0.0/16")) << "one of those that it has";
  EXPECT_EQ(pod_cidr_.value, "10.80.0.0/16,fd00:80::/64");
  ASSERT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  EXPECT_TRUE(network_->SetPodCidr("10.99.0.0/24"));
  EXPECT_EQ(pod_cidr_.value, "10.99.0.0/24");
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.99.0.2"));
}

TEST_F(NodeNetworkTest, CountersNeedNoRecord) {
  Start();
  RecordedPod pod = RunPod();
  BridgeCounters counters = network_->Counters().value();
  EXPECT_THAT(network_->CountersOf(pod.record.id, counters), SizeIs(1));
  EXPECT_THAT(network_->CountersOf(NewId().value(), counters), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
