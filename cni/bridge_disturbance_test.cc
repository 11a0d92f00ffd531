// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What others do to a bridge, its pods and its rules is announced, found and put back. With tables that
// others can change, as on kernels before Linux 6.9; the owner's are tested in bridge_takeover_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "base/file_io.h"
#include "cni/bridge.h"
#include "cni/bridge_watch.h"
#include "cni/names.h"
#include "cni/testing/bridge_fixture.h"

namespace davit::cni {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DisturbanceTest : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    BridgeConfig config = Config();
    config.own_tables = false;
    config.mtu = 1400;
    bridge_ = Bridge::Open(config).value();
    web_.emplace(StartPod(*bridge_, {{kTcp, "", 8080, 80}}));
    other_.emplace(StartPod(*bridge_));
    ASSERT_TRUE(bridge_->Watch([this] {
      MutexLock lock(mutex_);
      ++disturbances_;
      disturbed_.NotifyAll();
    }));
  }

  // Runs a command in the host's namespace, in which $WEB is the host interface of the pod web_.
  void Disturb(const std::string& command) {
    host_->Shell("WEB=" + web_->attachment.host_interface + "; " + command);
  }
  bool AwaitDisturbance() EXCLUDES(mutex_) {
    auto deadline = std::chrono::steady_clock::now() + 5s;
    MutexLock lock(mutex_);
    while (disturbances_ == 0)
      if (!disturbed_.WaitUntil(mutex_, deadline)) return false;
    return true;
  }
  int disturbances() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return disturbances_;
  }

  void ExpectThatEverythingWorks() {
    Endpoint server4 = Serve(web_->ns, kTcp, kAny4, 80);
    EXPECT_EQ(Call(*outside_, kTcp, server4, kHostIpv4, 8080), "192.0.2.2");
    EXPECT_EQ(Call(*host_, kTcp, server4, "127.0.0.1", 8080), "10.80.0.1");
    EXPECT_EQ(Call(other_->ns, kTcp, server4, web_->ipv4().ToString(), 80), other_->ipv4().ToString());
    EXPECT_EQ(Call(web_->ns, kTcp, server4, kHostIpv4, 8080), "10.80.0.1");
    server4.fd.Reset();
    Endpoint server6 = Serve(web_->ns, kTcp, web_->ipv6(), 80);
    EXPECT_EQ(Call(*outside_, kTcp, server6, kHostIpv6, 8080), "2001:db8::2");
    EXPECT_EQ(Call(other_->ns, kTcp, server6, web_->ipv6().ToString(), 80), other_->ipv6().ToString());
    Endpoint outside = Serve(*outside_, kTcp, Ip("192.0.2.2"));
    EXPECT_EQ(Call(web_->ns, kTcp, outside, "192.0.2.2", outside.port), kHostIpv4);
  }

  std::unique_ptr<Bridge> bridge_;
  std::optional<Pod> web_;
  std::optional<Pod> other_;

 private:
  Mutex mutex_;
  CondVar disturbed_;
  int disturbances_ GUARDED_BY(mutex_) = 0;
};

struct Case {
  const char* name;
  const char* command;
};

class Disturbances : public DisturbanceTest, public ::testing::WithParamInterface<Case> {};

INSTANTIATE_TEST_SUITE_P(
    All, Disturbances,
    ::testing::Values(
        Case{"BridgeDeleted", "ip link delete davit0"}, Case{"BridgeDown", "ip link set davit0 down"},
        Case{"BridgeRenamed", "ip link set davit0 down; ip link set davit0 name mine; ip link set mine up"},
        Case{"BridgeWithAnotherMac", "ip link set davit0 address 02:00:00:00:00:99"},
        Case{"BridgeWithAnotherMtu", "ip link set davit0 mtu 1300"},
        Case{"BridgeUnmarked", "ip link set davit0 alias ''"},
        Case{"Snooping", "ip link set davit0 type bridge mcast_snooping 1"},
        Case{"Ipv4AddressRemoved", "ip address delete 10.80.0.1/16 dev davit0"},
        Case{"AddressesFlushed", "ip address flush dev davit0"},
        Case{"Ipv6SwitchedOff", "echo 1 > /proc/sys/net/ipv6/conf/davit0/disable_ipv6"},
        Case{"Ipv4ForwardingOff", "echo 0 > /proc/sys/net/ipv4/ip_forward"},
        Case{"Ipv6ForwardingOff", "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding"},
        Case{"PortOffTheBridge", "ip link set $WEB nomaster"},
        Case{"PortOnAnotherBridge",
             "ip link add br9 type bridge; ip link set br9 up; ip link set $WEB master br9"},
        Case{"PortDown", "ip link set $WEB down"},
        Case{"PortRenamed", "ip link set $WEB down; ip link set $WEB name eth9; ip link set eth9 up"},
        Case{"PortWithoutHairpin", "bridge link set dev $WEB hairpin off"},
        Case{"RulesetFlushed", "nft flush ruleset"}, Case{"TableDeleted", "nft delete table inet davit-0"},
        Case{"GuardDeleted", "nft delete table bridge davit-0"},
        Case{"ChainFlushed", "nft flush chain inet davit-0 postrouting"},
        Case{"RuleAdded", "nft insert rule inet davit-0 hostports drop"},
        Case{"ChainAdded",
             "nft add chain inet davit-0 x '{ type filter hook forward priority 0; policy drop; }'"},
        Case{"HostPortsFlushed", "nft flush map inet davit-0 hostports4"}),
    [](const auto& param) { return param.param.name; });

TEST_P(Disturbances, AreAnnouncedAndPutBack) {
  Disturb(GetParam().command);
  ASSERT_TRUE(AwaitDisturbance());
  EXPECT_FALSE(bridge_->Check());
  Result<RepairReport> report = bridge_->Reconcile();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->repaired, Not(IsEmpty()));
  EXPECT_THAT(report->lost, IsEmpty());
  EXPECT_TRUE(bridge_->Check());
  ExpectThatEverythingWorks();
  EXPECT_THAT(bridge_->Reconcile().value().repaired, IsEmpty()) << "it is enough once";
}

// The kernel does not announce these; a look finds them.
TEST_F(DisturbanceTest, SilentChangesAreFoundByALook) {
  Disturb(
      "echo 0 > /proc/sys/net/ipv4/conf/davit0/route_localnet; ip -6 route delete ::1 dev davit0 table "
      "local");
  EXPECT_THAT(
      bridge_->Reconcile().value().repaired,
      ElementsAre("net/ipv4/conf/davit0/route_localnet was not 1", "davit0 lacked the local route for ::1"));
  ExpectThatEverythingWorks();
}

TEST_F(DisturbanceTest, PodsThatComeAndGoAreNone) {
  for (int i = 0; i < 10; ++i) {
    Pod pod = StartPod(*bridge_, {{kTcp, "", 9090, 80}});
    StopPod(*bridge_, pod);
  }
  std::this_thread::sleep_for(300ms);  // longer than announcements are collected for
  EXPECT_EQ(disturbances(), 0);
  Disturb("ip link set davit0 down");
  EXPECT_TRUE(AwaitDisturbance()) << "the watch works";
}

// How often the other threads of this process have slept so far: each time they woke before.
long Wakeups() {
  long sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(gettid())) continue;
    std::ifstream status(task.path() / "status");
    for (std::string key, value; status >> key;)
      if (key == "voluntary_ctxt_switches:" && status >> value) sum += std::stol(value);
  }
  return sum;
}

TEST_F(DisturbanceTest, NoThreadWakesUpAtRest) {
  std::this_thread::sleep_for(3s);  // what SetUp has caused: IPv6 takes its time
  long before = Wakeups();
  ASSERT_GT(before, 0);
  std::this_thread::sleep_for(2s);
  EXPECT_EQ(Wakeups(), before);
}

TEST_F(DisturbanceTest, AStormOfThemIsAnsweredAtABoundedRate) {
  auto end = std::chrono::steady_clock::now() + 2s;
  while (std::chrono::steady_clock::now() < end)
    host_->Shell("for i in 1 2 3 4 5; do ip link set davit0 down; ip link set davit0 up; done");
  std::this_thread::sleep_for(1200ms);
  EXPECT_GE(disturbances(), 1);
  EXPECT_LE(disturbances(), 5);
}

TEST_F(DisturbanceTest, OpenConnectionsOutliveTheRepairOfTheBridge) {
  Endpoint server = Serve(web_->ns, kUdp, web_->ipv4());
  Endpoint client = Serve(other_->ns, kUdp, other_->ipv4());
  Disturb("ip link delete davit0");
  ASSERT_TRUE(bridge_->Reconcile());
  Send(other_->ns, web_->ipv4().ToString(), server.port, "still here");
  EXPECT_EQ(Receive(server), "still here");
}

TEST_F(DisturbanceTest, AStrangersLinkInTheBridgesPlaceIsNamedAndLeftAlone) {
  Disturb("ip link delete davit0; ip link add davit0 type bridge");
  Result<RepairReport> report = bridge_->Reconcile();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().ToString(), HasSubstr("davit0"));
  EXPECT_THAT(host_->Shell("ip -d link show davit0"), Not(HasSubstr("alias")));
  Disturb("ip link delete davit0");
  ASSERT_TRUE(bridge_->Reconcile());
  ExpectThatEverythingWorks();
}

TEST_F(DisturbanceTest, ADeletedInterfaceOfAPodIsReportedAndTheNodeWorks) {
  Disturb("ip link delete $WEB");
  ASSERT_TRUE(AwaitDisturbance());
  Result<RepairReport> report = bridge_->Reconcile();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->lost, ElementsAre(web_->id));
  EXPECT_TRUE(bridge_->Detach(web_->id, web_->attachment));
  EXPECT_THAT(bridge_->Reconcile().value().lost, IsEmpty());
}

TEST_F(DisturbanceTest, AHostPortOfADetachedPodIsNotOpenedAgain) {
  ASSERT_TRUE(bridge_->Detach(web_->id, web_->attachment));
  Disturb("nft flush ruleset");
  ASSERT_TRUE(bridge_->Reconcile());
  EXPECT_THAT(HostPorts(), IsEmpty());
}

TEST_F(DisturbanceTest, AForeignHostPortElementGoes) {
  Disturb("nft add element inet davit-0 hostports4 '{ tcp . 9999 : 10.80.0.77 . 80 }'");
  ASSERT_TRUE(AwaitDisturbance());
  EXPECT_THAT(bridge_->Reconcile().value().repaired, ElementsAre("tcp 0.0.0.0:9999 had no pod"));
  EXPECT_THAT(HostPorts(), Not(::testing::Contains(HasSubstr("9999"))));
}

TEST_F(DisturbanceTest, AWatchOutlivesATurnThatThrows) {
  std::atomic<int> turns = 0, notifications = 0;
  auto watch = BridgeWatch::Start(
                   /*own_port=*/0, BridgeWatch::Routes::kIgnored,
                   [&](const NetworkChanges&) -> bool {
                     if (++turns == 1) throw std::bad_alloc();
                     return true;
                   },
                   [&] { ++notifications; })
                   .value();
  for (int wanted : {1, 2}) {
    host_->Shell("ip link set up0 alias turn" + std::to_string(wanted));
    for (int i = 0; i < 500 && notifications < wanted; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(notifications, wanted) << "the turn that fails counts as a disturbance";
  }
}

TEST_F(DisturbanceTest, ManyPodsGetTheirBridgeBackWithinASecond) {
  std::vector<Pod> pods;
  for (int i = 0; i < 100; ++i) pods.push_back(StartPod(*bridge_));
  Disturb("ip link delete davit0");
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(bridge_->Reconcile());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  Endpoint server = Serve(pods.back().ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(pods.front().ns, kTcp, server, pods.back().ipv4().ToString(), 80),
            pods.front().ipv4().ToString());
}

}  // namespace
}  // namespace davit::cni
