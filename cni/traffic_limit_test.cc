// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits of pods' traffic, with traffic.
#include "cni/traffic_limit.h"

#include <gmock/gmock.h>

#include <functional>

#include "base/ids.h"
#include "cni/names.h"
#include "cni/testing/bridge_fixture.h"
#include "cni/testing/transfer.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

class TrafficLimitTest : public BridgeTest {
 protected:
  static constexpr size_t kBytes = 512 << 10;
  static constexpr uint64_t kRate = 8'000'000;  // 1 MB/s: some half a second

  void SetUp() override {
    BridgeTest::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    bridge_ = OpenBridge();
    ASSERT_NE(bridge_, nullptr);
  }

  Pod StartLimited(const TrafficLimits& limits) {
    Pod pod{NewId().value(), NetNs::Make(), {}};
    Result<Attachment> attachment =
        bridge_->Attach(pod.id, pod.ns.fd(), bridge_->AllocateAddresses().value(), {}, limits);
    if (attachment)
      pod.attachment = *attachment;
    else
      ADD_FAILURE() << attachment.error().ToString();
    return pod;
  }

  double SecondsIn(const Pod& pod, size_t family = 0) const {
    Endpoint server = Serve(pod.ns, kTcp, pod.attachment.addresses[family]);
    return SecondsToSend(*host_, server, pod.attachment.addresses[family].ToString(), kBytes);
  }
  double SecondsOut(const Pod& pod, size_t family = 0) const {
    const char* gateway = family == 0 ? "10.80.0.1" : "fd00:80::1";
    return SecondsToSend(pod.ns, Serve(*host_, kTcp, Ip(gateway)), gateway, kBytes);
  }
  using Transfer = std::function<double()>;
  Transfer Into(const Pod& pod, size_t family = 0) const {
    return [this, &pod, family] { return SecondsIn(pod, family); };
  }
  Transfer OutOf(const Pod& pod, size_t family = 0) const {
    return [this, &pod, family] { return SecondsOut(pod, family); };
  }
  static void ExpectLimited(const Transfer& transfer) {
    EXPECT_GT(transfer(), 0.35);
    EXPECT_TRUE(IsEverFasterThan(3, transfer));
  }
  static void ExpectFast(const Transfer& transfer) { EXPECT_TRUE(IsEverFasterThan(0.3, transfer)); }
  void ExpectLimitedBothWays(const Pod& pod) const {
    ExpectLimited(Into(pod));
    ExpectLimited(OutOf(pod));
  }

  std::unique_ptr<Bridge> bridge_;
};

TEST_F(TrafficLimitTest, EachDirectionHasItsOwn) {
  Pod in = StartLimited({.ingress = {kRate}}), out = StartLimited({.egress = {kRate}});
  for (size_t family : {0, 1}) {
    ExpectLimited(Into(in, family));
    ExpectFast(OutOf(in, family));
    ExpectFast(Into(out, family));
    ExpectLimited(OutOf(out, family));
  }
}

TEST_F(TrafficLimitTest, ThePodCannotRemoveThem) {
  Pod pod = StartLimited({{kRate}, {kRate}});
  EXPECT_THAT(pod.ns.Shell("tc qdisc show; ip -o link show"),
              AllOf(Not(HasSubstr("tbf")), Not(HasSubstr("ifb"))));
  pod.ns.Shell(
      "tc qdisc del dev eth0 root; tc qdisc del dev eth0 ingress; ip link set eth0 txqueuelen 9999; true");
  ExpectLimitedBothWays(pod);
}

TEST_F(TrafficLimitTest, GoWithThePod) {
  Pod pod = StartLimited({{kRate}, {kRate}});
  EXPECT_THAT(host_->Shell("ip -o link show type ifb"), HasSubstr(IfbName(pod.attachment.host_interface)));
  StopPod(*bridge_, pod);
  EXPECT_EQ(host_->Shell("ip -o link show type ifb"), "");
  EXPECT_THAT(host_->Shell("tc qdisc show"), Not(HasSubstr("tbf")));
}

TEST_F(TrafficLimitTest, AreRepaired) {
  Pod pod = StartLimited({{kRate}, {kRate}}), other = StartPod(*bridge_);
  const std::string& end = pod.attachment.host_interface;
  const std::string ifb = IfbName(end);
  EXPECT_THAT(bridge_->Reconcile()->repaired, IsEmpty());
  for (const std::string& disturbance :
       {"tc qdisc del dev " + end + " root", "tc qdisc del dev " + end + " ingress", "ip link del " + ifb,
        "tc qdisc del dev " + ifb + " root", "ip link set " + ifb + " down",
        "tc qdisc replace dev " + end + " root tbf rate 1gbit burst 1m limit 1m"}) {
    host_->Shell(disturbance);
    Result<RepairReport> report = bridge_->Reconcile();
    ASSERT_TRUE(report) << disturbance << ": " << report.error().ToString();
    EXPECT_THAT(report->repaired, ::testing::ElementsAre(HasSubstr("traffic"))) << disturbance;
    EXPECT_THAT(bridge_->Reconcile()->repaired, IsEmpty()) << disturbance;
  }
  ExpectLimitedBothWays(pod);
}

TEST_F(TrafficLimitTest, OnesThatCannotBeSetAreNoFaultOfTheBridge) {
  Pod pod = StartLimited({.egress = {kRate}});
  const std::string link = HostInterfaceName("davit0", pod.id), device = IfbName(link);
  host_->Shell("ip link delete " + device + "; ip link add " + device +
               " type bridge; ip link delete davit0");
  Result<RepairReport> report = bridge_->Reconcile();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->unlimited, ElementsAre(Pair(link, HasSubstr(device))));
  EXPECT_EQ(Call(*host_, kTcp, Serve(pod.ns, kTcp, pod.ipv4(), 80), pod.ipv4().ToString(), 80), "10.80.0.1");
  host_->Shell("ip link delete " + device);
  EXPECT_THAT(bridge_->Reconcile()->unlimited, IsEmpty());
}

TEST_F(TrafficLimitTest, SurviveATakeover) {
  Pod pod = StartLimited({{kRate}, {kRate}}), gone = StartLimited({{}, {kRate}});
  bridge_.reset();
  host_->Shell("tc qdisc del dev " + pod.attachment.host_interface + " root");
  bridge_ = OpenBridge();
  ASSERT_TRUE(bridge_->ReserveAddresses(pod.attachment.addresses));
  ASSERT_TRUE(bridge_->Collect({{pod.id, pod.attachment}}));
  bridge_->WaitForRemovals();
  ExpectLimitedBothWays(pod);
  EXPECT_THAT(host_->Shell("ip -o link show type ifb"),
              Not(HasSubstr(IfbName(gone.attachment.host_interface))));
}

TEST_F(TrafficLimitTest, AnyRateCanBeSet) {
  for (uint64_t rate :
       {uint64_t{1'000}, uint64_t{1'000'000}, uint64_t{100'000'000'000}, uint64_t{1'000'000'000'000'000}}) {
    Pod pod = StartLimited({{rate}, {rate}});
    EXPECT_THAT(bridge_->Reconcile()->repaired, IsEmpty()) << rate;
    EXPECT_EQ(Call(*host_, kTcp, Serve(pod.ns, kTcp, pod.ipv4(), 80), pod.ipv4().ToString(), 80), "10.80.0.1")
        << rate;
    StopPod(*bridge_, pod);
  }
}

TEST_F(TrafficLimitTest, AForeignDeviceOfTheNameIsNotTaken) {
  std::string id = NewId().value();
  host_->Shell("ip link add " + IfbName(HostInterfaceName("davit0", id)) + " type bridge");
  NetNs ns = NetNs::Make();
  Result<Attachment> refused =
      bridge_->Attach(id, ns.fd(), bridge_->AllocateAddresses().value(), {}, {.egress = {kRate}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("ifb-"));
  bridge_->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 0u);
}

}  // namespace
}  // namespace davit::cni
