// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The pod CIDR of the built-in bridge.

#include <gmock/gmock.h>

#include "base/file_io.h"
#include "tests/e2e/network_fixture.h"

namespace davit::e2e {
namespace {

using ::testing::StartsWith;

class PodCidr : public NetworkTest {
 protected:
  void SetUp() override { Set("[network.bridge]\nsubnets = \"pod-cidr\"\n"); }

  std::string Ipv4() const { return "10.126." + number_.substr(number_.find('.') + 1) + "."; }
  // No group begins with a zero, which nobody prints.
  std::string Ipv6() const { return "fd" + tag_.substr(6, 2) + ":1" + tag_.substr(0, 3) + "::"; }
};

TEST_F(PodCidr, BecomesTheBridgesSubnetsAndOutlivesTheDaemon) {
  WaitForNetwork(false, "pod CIDR");
  EXPECT_THAT(TryToRunPod(), FailsWith(grpc::StatusCode::UNAVAILABLE, "pod CIDR"));
  ASSERT_THAT(SetPodCidr(Ipv6() + "/64," + Ipv4() + "0/24"), Succeeds());

  std::string pod = RunPod(PodConfig());
  v1::PodSandboxNetworkStatus network = PodStatusOf(pod).network();
  EXPECT_EQ(network.ip(), Ipv4() + "2");
  ASSERT_EQ(network.additional_ips_size(), 1);
  EXPECT_EQ(network.additional_ips(0).ip(), Ipv6() + "2");

  KillAndRestart();
  EXPECT_THAT(AddressOf(RunPod(PodConfig())), StartsWith(Ipv4()));
  EXPECT_TRUE(NetworkCondition().status());
}

TEST_F(PodCidr, CannotChangeUnderPodsButMayBeSaidAgain) {
  ASSERT_THAT(SetPodCidr(Ipv4() + "0/24," + Ipv6() + "/64"), Succeeds());
  std::string pod = RunPod(PodConfig());

  EXPECT_THAT(SetPodCidr("10.125.0.0/24"), FailsWith(grpc::StatusCode::FAILED_PRECONDITION, Ipv4()));
  EXPECT_THAT(SetPodCidr(Ipv6() + "/64," + Ipv4() + "0/24"), Succeeds());
  EXPECT_THAT(SetPodCidr(Ipv4() + "0/24"), Succeeds()) << "the bridge has it";
  EXPECT_THAT(SetPodCidr(""), Succeeds()) << "a node without a CIDR yet";
  EXPECT_THAT(SetPodCidr("10.125.0.0"), FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "10.125.0.0"));
  RemovePod(pod);
  ASSERT_THAT(SetPodCidr(Ipv4() + "0/24"), Succeeds());
  EXPECT_EQ(PodStatusOf(RunPod(PodConfig())).network().additional_ips_size(), 0);
}

TEST_F(PodCidr, ThatTheHostUsesOtherwiseLeavesTheBridgeAsItWas) {
  ASSERT_THAT(SetPodCidr(Ipv4() + "0/24"), Succeeds());
  Instance other;
  std::string config = ReadFile(other.directory() + "/config.toml").value();
  const std::string key = "subnets = [\"";
  size_t begin = config.find(key) + key.size();
  std::string taken = config.substr(begin, config.find('"', begin) - begin);

  EXPECT_THAT(SetPodCidr(taken), FailsWith(grpc::StatusCode::FAILED_PRECONDITION, other.bridge()));

  EXPECT_THAT(AddressOf(RunPod(PodConfig())), StartsWith(Ipv4()));
  EXPECT_TRUE(NetworkCondition().status());
}

}  // namespace
}  // namespace davit::e2e
