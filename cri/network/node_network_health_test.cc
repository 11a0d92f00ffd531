// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The node's readiness.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/network/node_network.h"
#include "cri/network/testing/node_network_fixture.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST_F(NodeNetworkTest, AskingMakesNoBridge) {
  host_->Shell("ip link add davit0 type bridge");
  Start();
  EXPECT_FALSE(network_->Check());
  host_->Shell("ip link delete davit0");
  EXPECT_FALSE(network_->Check());
  EXPECT_FALSE(BridgeExists());
  EXPECT_TRUE(Judgement());
  EXPECT_TRUE(BridgeExists());
}

TEST_F(NodeNetworkTest, AskingRemovesNoBridge) {
  Start();
  RecordedPod pod = RunPod();

  Install("a");
  Configure("a");
  Restart({pod});
  ASSERT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  EXPECT_TRUE(network_->Check());
  EXPECT_TRUE(BridgeExists());
}

TEST_F(NodeNetworkTest, ABridgeThatIsRemovedComesBackWithItsPods) {
  Start();
  RecordedPod pod = RunPod(8080);
  host_->Shell("ip link delete davit0");
  for (int i = 0; i < 500 && !network_->Describe().repairs; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(network_->Describe().repairs, 1u);
  EXPECT_THAT(network_->Describe().last_repaired, Contains("davit0 was missing"));
  EXPECT_THAT(host_->Shell("ip -o link show master davit0"), HasSubstr(pod.record.host_interface));
  EXPECT_TRUE(network_->Check());
}

TEST_F(NodeNetworkTest, ABridgeThatCannotComeBackIsNotReady) {
  Start();
  EXPECT_TRUE(network_->Check());
  PutAnotherLinkInPlaceOfTheBridge();
  EXPECT_THAT(Judgement().error().ToString(), HasSubstr("davit0"));
}

TEST_F(NodeNetworkTest, AskingDoesNotWaitForAHungPlugin) {
  ASSERT_EQ(mkfifo((dir_ + "/never").c_str(), 0600), 0);
  Install("a", "[ $CNI_COMMAND != STATUS ] || read line < " + dir_ + "/never");
  Configure("a", "1.1.0");
  options_.first_look = 0ms;
  Start();
  EXPECT_FALSE(network_->Check());
  network_.reset();  // the plugin's time limit is a minute; this does not wait for it
}

TEST_F(NodeNetworkTest, AHungPluginIsNotReadyAndIsNamed) {
  ASSERT_EQ(mkfifo((dir_ + "/never").c_str(), 0600), 0);
  Install("a", "[ $CNI_COMMAND != STATUS ] || read line < " + dir_ + "/never");
  Configure("a", "1.1.0");
  options_.plugin_pods.status_timeout_ms = 1;
  Start();
  Result<> judgement = network_->Check();
  ASSERT_FALSE(judgement);
  EXPECT_EQ(judgement.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(judgement.error().ToString(), HasSubstr(dir_ + "/bin/a"));
}

TEST_F(NodeNetworkTest, TheConfigurationsPluginsAreJudged) {
  Install("a", Refuse("STATUS", 50));
  Configure("a", "1.1.0");
  Start();
  EXPECT_THAT(network_->Check().error().ToString(), HasSubstr("not today"));
  Install("a");
  EXPECT_TRUE(Judgement());
  fs::remove(dir_ + "/bin/a");
  EXPECT_THAT(Judgement().error().ToString(), HasSubstr("find network plugin a"));
}

}  // namespace
}  // namespace davit::cri
