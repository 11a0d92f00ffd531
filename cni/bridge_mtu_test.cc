// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The MTU of a bridge and its pods, set or as the uplink has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "cni/testing/bridge_fixture.h"

namespace davit::cni {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MtuTest : public BridgeTest {
 protected:
  static constexpr char kDefaultRoute[] = "ip route add default via 192.0.2.2";

  std::unique_ptr<Bridge> Open(uint32_t mtu, bool follow_uplink) {
    BridgeConfig config = Config();
    config.mtu = mtu;
    config.follow_uplink = follow_uplink;
    return Bridge::Open(config).value();
  }
  std::vector<std::string> OtherMtu(Bridge& bridge) { return bridge.Reconcile().value().other_mtu; }
  static std::string Mtu(const NetNs& ns, const std::string& link) {
    std::string shown = ns.Shell("ip -o link show dev " + link);
    size_t at = shown.find("mtu ") + 4;
    return shown.substr(at, shown.find(' ', at) - at);
  }
};

TEST_F(MtuTest, IsThatOfTheUplink) {
  host_->Shell(std::string("ip link set up0 mtu 1400; ") + kDefaultRoute);
  std::unique_ptr<Bridge> bridge = Open(1500, /*follow_uplink=*/true);
  Pod pod = StartPod(*bridge);
  EXPECT_EQ(Mtu(*host_, "davit0"), "1400");
  EXPECT_EQ(Mtu(pod.ns, kPodInterface), "1400");
  EXPECT_EQ(Mtu(*host_, pod.attachment.host_interface), "1400");
  EXPECT_EQ(bridge->State().mtu, 1400u);
}

TEST_F(MtuTest, IsTheGivenOneWithoutAnUplink) {
  std::unique_ptr<Bridge> bridge = Open(1450, /*follow_uplink=*/true);
  EXPECT_EQ(Mtu(*host_, "davit0"), "1450");
}

TEST_F(MtuTest, OfSeveralRoutesTheOneInUseCounts) {
  host_->Shell(
      "ip link add wg0 mtu 1300 type veth peer name wg1; ip link set wg0 up; ip link set wg1 up; "
      "ip address add 198.51.100.1/24 dev wg0; ip route add default via 198.51.100.2 metric 500; "
      "ip route add default via 192.0.2.2 metric 100; ip route add unreachable default metric 5000");
  std::unique_ptr<Bridge> bridge = Open(1500, /*follow_uplink=*/true);
  EXPECT_EQ(Mtu(*host_, "davit0"), "1500");
  host_->Shell("ip route del default metric 100");
  EXPECT_TRUE(bridge->Reconcile());
  EXPECT_EQ(Mtu(*host_, "davit0"), "1300");
  host_->Shell("ip route add default metric 1 nexthop via 192.0.2.2 nexthop via 198.51.100.2");
  host_->Shell("ip link set wg0 mtu 1350");
  EXPECT_TRUE(bridge->Reconcile());
  EXPECT_EQ(Mtu(*host_, "davit0"), "1350") << "the smallest of both next hops";
}

TEST_F(MtuTest, FollowsTheUplinkWithThePodsThatRun) {
  host_->Shell(kDefaultRoute);
  std::unique_ptr<Bridge> bridge = Open(1500, /*follow_uplink=*/true);
  Pod pod = StartPod(*bridge);
  std::promise<void> disturbed;
  std::once_flag once;
  ASSERT_TRUE(bridge->Watch([&] { std::call_once(once, [&] { disturbed.set_value(); }); }));
  host_->Shell("ip link set up0 mtu 1400");
  ASSERT_EQ(disturbed.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_THAT(OtherMtu(*bridge), ElementsAre(pod.id));
  EXPECT_EQ(Mtu(*host_, "davit0"), "1400");
  ASSERT_TRUE(bridge->SetPodMtu(pod.id, pod.ns.fd()));
  EXPECT_EQ(Mtu(pod.ns, kPodInterface), "1400");
  EXPECT_EQ(Mtu(*host_, pod.attachment.host_interface), "1400");
  EXPECT_THAT(OtherMtu(*bridge), IsEmpty());
  host_->Shell("ip route del default");
  EXPECT_TRUE(bridge->Reconcile());
  EXPECT_EQ(Mtu(*host_, "davit0"), "1400") << "it stays without an uplink";
}

TEST_F(MtuTest, AChangedSettingReachesThePodsOfTheProcessBefore) {
  std::unique_ptr<Bridge> bridge = Open(1500, /*follow_uplink=*/false);
  Pod pod = StartPod(*bridge);
  bridge.reset();
  bridge = Open(9000, /*follow_uplink=*/false);
  ASSERT_TRUE(bridge->ReserveAddresses(pod.attachment.addresses));
  ASSERT_TRUE(bridge->Collect({{pod.id, pod.attachment}}));
  EXPECT_THAT(OtherMtu(*bridge), ElementsAre(pod.id));
  ASSERT_TRUE(bridge->SetPodMtu(pod.id, pod.ns.fd()));
  EXPECT_EQ(Mtu(pod.ns, kPodInterface), "9000");
}

TEST_F(MtuTest, APodThatIsGoneIsLeftAlone) {
  std::unique_ptr<Bridge> bridge = Open(1500, /*follow_uplink=*/false);
  NetNs empty = NetNs::Make();
  EXPECT_TRUE(bridge->SetPodMtu(Id('7'), empty.fd()));
}

}  // namespace
}  // namespace davit::cni
