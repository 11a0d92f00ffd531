// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a bridge does with state that exists already: its own from an earlier process, that of other
// instances, and objects that are not Davit's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "cni/bridge.h"
#include "cni/bridge_tables.h"
#include "cni/host_port_maps.h"
#include "cni/names.h"
#include "cni/nft_rule.h"
#include "cni/testing/bridge_fixture.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

TEST_F(BridgeTest, NextProcessTakesOverWithTrafficFlowing) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod alive = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  Pod dead = StartPod(*bridge, {{kTcp, "", 8081, 80}});
  Endpoint server = Serve(alive.ns, kTcp, kAny4, 80);
  std::string rules = Rules("davit-0");
  bridge.reset();
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2") << "without any daemon";

  bridge = OpenBridge();
  ASSERT_NE(bridge, nullptr);
  EXPECT_EQ(HostPorts().size(), 4u) << "taking over must not interrupt host ports";
  ASSERT_TRUE(bridge->ReserveAddresses(alive.attachment.addresses));
  ASSERT_TRUE(bridge->Collect({{alive.id, alive.attachment}}));
  bridge->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 1u);
  EXPECT_THAT(HostPorts(),
              UnorderedElementsAre("tcp 0.0.0.0:8080 > 10.80.0.2", "tcp [::]:8080 > fd00:80::2"));
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
  EXPECT_EQ(bridge->ReserveAddresses(alive.attachment.addresses).error().code, Code::kAlreadyExists);
  Pod next = StartPod(*bridge, {{kTcp, "", 8081, 80}});
  EXPECT_EQ(next.ipv4(), Ip("10.80.0.3"));
  NetNs ns = NetNs::Make();
  Result<Attachment> taken =
      bridge->Attach(Id('9'), ns.fd(), *bridge->AllocateAddresses(), {{kTcp, "", 8080, 80}});
  EXPECT_THAT(taken.error().ToString(), HasSubstr("sandbox " + alive.id));
}

TEST_F(BridgeTest, InterfacesWithTheNamesOfFormerVersionsAreRenamedOrRemoved) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod alive = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  Pod dead = StartPod(*bridge);
  for (Pod* pod : {&alive, &dead}) {
    std::string former = FormerHostInterfaceName("davit0", pod->id);
    host_->Shell("ip link set " + pod->attachment.host_interface + " down; ip link set " +
                 pod->attachment.host_interface + " name " + former + "; ip link set " + former + " up");
    pod->attachment.host_interface = former;
  }
  bridge.reset();
  bridge = OpenBridge();
  Result<std::map<std::string, Error>> problems = bridge->Collect({{alive.id, alive.attachment}});
  ASSERT_TRUE(problems) << problems.error().ToString();
  EXPECT_THAT(*problems, IsEmpty());
  bridge->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 1u);
  EXPECT_THAT(host_->Shell("ip -o link show master davit0"),
              HasSubstr(HostInterfaceName("davit0", alive.id)));
  Endpoint server = Serve(alive.ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
}

TEST_F(BridgeTest, ARenamedInterfaceKeepsItsHostPortsAtATakeover) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  std::string own = pod.attachment.host_interface;
  bridge.reset();
  host_->Shell("ip link set " + own + " down; ip link set " + own + " name mine; ip link set mine up");
  bridge = OpenBridge();
  ASSERT_TRUE(bridge->ReserveAddresses(pod.attachment.addresses));
  Result<std::map<std::string, Error>> problems = bridge->Collect({{pod.id, pod.attachment}});
  ASSERT_TRUE(problems) << problems.error().ToString();
  EXPECT_THAT(*problems, IsEmpty());
  EXPECT_EQ(HostPorts().size(), 2u);
  EXPECT_THAT(host_->Shell("ip -o link show master davit0"), HasSubstr(own));
  Endpoint server = Serve(pod.ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
}

TEST_F(BridgeTest, APodWithARenamedInterfaceDoesNotGiveWay) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  std::string own = pod.attachment.host_interface;
  host_->Shell("ip link set " + own + " down; ip link set " + own + " name mine; ip link set mine up");
  NetNs ns = NetNs::Make();
  Result<Attachment> taken =
      bridge->Attach(Id('9'), ns.fd(), *bridge->AllocateAddresses(), {{kTcp, "", 8080, 80}});
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().ToString(), HasSubstr("sandbox " + pod.id));
}

// After a reboot, say: only the records of both are left, and one of them took the other's place.
TEST_F(BridgeTest, OfTwoRecordsWithOneHostPortTheOneWithAnInterfaceHasIt) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod alive = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  std::map<std::string, Attachment> live = {{alive.id, alive.attachment}};
  for (char digit : {'0', 'f'}) {  // before and after it in the order of ids
    Attachment gone = alive.attachment;
    gone.host_interface = HostInterfaceName("davit0", Id(digit));
    live[Id(digit)] = gone;
  }
  bridge.reset();
  bridge = OpenBridge();
  Result<std::map<std::string, Error>> problems = bridge->Collect(live);
  ASSERT_TRUE(problems) << problems.error().ToString();
  EXPECT_THAT(*problems, IsEmpty());
  EXPECT_EQ(HostPorts().size(), 2u);
}

TEST_F(BridgeTest, TableIsSafeFromAFlushWhileItHasAnOwner) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  if (Rules("davit-0").find("owner") == std::string::npos)
    GTEST_SKIP() << "needs owned nftables tables (Linux 6.9)";
  host_->Shell("nft flush ruleset");
  EXPECT_TRUE(bridge->Check());
}

TEST_F(BridgeTest, CollectBringsBackWhatSomebodyRemoved) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  EXPECT_TRUE(bridge->Check());
  bridge.reset();
  host_->Shell("nft delete table inet davit-0");
  bridge = OpenBridge();
  EXPECT_THAT(HostPorts(), IsEmpty());
  ASSERT_TRUE(bridge->Collect({{pod.id, pod.attachment}}));
  EXPECT_EQ(HostPorts().size(), 2u);

  host_->Shell("ip link set davit0 down");
  EXPECT_THAT(bridge->Check().error().ToString(), HasSubstr("davit0"));
  ASSERT_TRUE(bridge->Collect({{pod.id, pod.attachment}}));
  EXPECT_TRUE(bridge->Check());
  EXPECT_THAT(host_->Shell("ip -6 address show davit0"), HasSubstr("fd00:80::1/64"));
  Endpoint server = Serve(pod.ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");

  host_->Shell("ip link delete davit0");
  EXPECT_THAT(bridge->Check().error().ToString(), HasSubstr("davit0 was missing"));
  ASSERT_TRUE(bridge->Collect({}));
  EXPECT_TRUE(bridge->Check());
  bridge->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 0u) << "an interface without its bridge is still ours to remove";
}

TEST_F(BridgeTest, CollectNamesThePodsWhosePortsItCannotOpenAndServesTheOthers) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  std::map<std::string, Attachment> live;
  auto add = [&](char digit, const std::string& interface, std::vector<PortMapping> ports) {
    live[Id(digit)] = {*bridge->AllocateAddresses(), interface, "", std::move(ports)};
    host_->Shell("ip link add " + interface + " type veth peer name peer" + digit + "; ip link set " +
                 interface + " alias " + Id(digit));
  };
  add('1', HostInterfaceName("davit0", Id('1')), {{kTcp, "", 8080, 80}});
  add('2', HostInterfaceName("davit0", Id('2')), {{kTcp, "", 8080, 80}});
  add('3', HostInterfaceName("other0", Id('3')), {{kTcp, "", 8081, 80}});
  add('4', HostInterfaceName("davit0", Id('4')), {{kTcp, "", 8082, 80}});

  Result<std::map<std::string, Error>> problems = bridge->Collect(live);

  ASSERT_TRUE(problems) << problems.error().ToString();
  EXPECT_EQ(problems->size(), 2u);
  EXPECT_THAT(problems->at(Id('2')).ToString(), HasSubstr("8080"));
  EXPECT_THAT(problems->at(Id('3')).ToString(), HasSubstr("another bridge"));
  EXPECT_EQ(HostPorts().size(), 4u) << "8080 and 8082, of both families";
}

TEST_F(BridgeTest, CollectRestoresAThousandHostPorts) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge);
  for (int i = 0; i < 1000; ++i)
    pod.attachment.ports.push_back({kTcp, "", static_cast<uint16_t>(10000 + i), 80});
  ASSERT_TRUE(bridge->Collect({{pod.id, pod.attachment}}));
  EXPECT_EQ(HostPorts().size(), 2000u);
  ASSERT_TRUE(bridge->Collect({}));
  EXPECT_THAT(HostPorts(), IsEmpty());
}

TEST_F(BridgeTest, ChangedSubnetReplacesGatewayAndRules) {
  OpenBridge().reset();
  BridgeConfig config = Config();
  config.subnets = {*ParseSubnet("10.99.0.0/24")};
  std::unique_ptr<Bridge> bridge = Bridge::Open(config).value();
  EXPECT_THAT(host_->Shell("ip address show davit0"),
              AllOf(HasSubstr("10.99.0.1/24"), Not(HasSubstr("10.80.0.1")), Not(HasSubstr("fd00:80::1"))));
  EXPECT_THAT(Rules("davit-0"), AllOf(HasSubstr("10.99.0.0/24"), Not(HasSubstr("10.80.0.0"))));
}

TEST_F(BridgeTest, SecondProcessOnTheSameBridgeIsRefused) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  if (Rules("davit-0").find("owner") == std::string::npos)
    GTEST_SKIP() << "needs owned nftables tables (Linux 6.9)";
  Result<std::unique_ptr<Bridge>> second = Bridge::Open(Config());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(second.error().ToString(), HasSubstr("another running process"));
}

TEST_F(BridgeTest, InstancesLeaveEachOtherAlone) {
  std::unique_ptr<Bridge> first = OpenBridge(0);
  std::unique_ptr<Bridge> second = OpenBridge(1);
  Pod here = StartPod(*first, {{kTcp, "", 8080, 80}});
  Pod there = StartPod(*second, {{kTcp, "", 8081, 80}});
  ASSERT_TRUE(second->Collect({}));  // as if it had lost its pod
  second->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 1u);
  EXPECT_TRUE(second->Destroy());
  Endpoint server = Serve(here.ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
  Result<> checked = first->Check();
  EXPECT_TRUE(checked) << checked.error().ToString();
}

TEST_F(BridgeTest, HostPortOfAnotherInstanceIsTaken) {
  std::unique_ptr<Bridge> first = OpenBridge(0);
  std::unique_ptr<Bridge> second = OpenBridge(1);
  Pod holder = StartPod(*first, {{kTcp, "127.0.0.1", 8080, 80}});
  NetNs ns = NetNs::Make();
  std::vector<IpAddress> addresses = *second->AllocateAddresses();
  Result<Attachment> taken = second->Attach(Id('2'), ns.fd(), addresses, {{kTcp, "", 8080, 80}});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kAlreadyExists);
  EXPECT_THAT(taken.error().ToString(), AllOf(HasSubstr("tcp 127.0.0.1:8080"), HasSubstr("davit0")));
  second->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 1u);
  StopPod(*first, holder);
  EXPECT_TRUE(second->Attach(Id('2'), ns.fd(), addresses, {{kTcp, "", 8080, 80}}));
}

TEST_F(BridgeTest, StrangersAreNotTakenOver) {
  host_->Shell("ip link add davit0 type bridge");
  Result<std::unique_ptr<Bridge>> bridge = Bridge::Open(Config());
  ASSERT_FALSE(bridge);
  EXPECT_EQ(bridge.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(bridge.error().ToString(), HasSubstr("davit0"));

  host_->Shell("nft add table inet davit-1");
  bridge = Bridge::Open(Config(1));
  ASSERT_FALSE(bridge);
  EXPECT_THAT(bridge.error().ToString(), HasSubstr("davit-1"));
}

TEST_F(BridgeTest, SubnetInUseElsewhereIsRefusedByName) {
  host_->Shell("ip address add 10.80.44.1/24 dev up0");
  Result<std::unique_ptr<Bridge>> bridge = Bridge::Open(Config());
  ASSERT_FALSE(bridge);
  EXPECT_EQ(bridge.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(bridge.error().ToString(), AllOf(HasSubstr("10.80.44.1"), HasSubstr("up0")));
}

TEST_F(BridgeTest, OldTableWithoutOwnershipIsTakenOverWithItsElements) {
  NetlinkSocket socket = NetlinkSocket::Open(NETLINK_NETFILTER).value();
  NetlinkBatch batch;
  BeginNftTransaction(batch);
  AppendTables(batch, {"davit-0", "davit0", Config().subnets}, /*flags=*/0);
  AppendElements(batch, "davit-0", NFT_MSG_NEWSETELEM, {{kTcp, kAny4, 8080, Ip("10.80.0.9"), 80}});
  EndNftTransaction(batch);
  ASSERT_TRUE(socket.Execute(batch));
  std::unique_ptr<Bridge> bridge = OpenBridge();
  ASSERT_NE(bridge, nullptr);
  EXPECT_THAT(HostPorts(), UnorderedElementsAre("tcp 0.0.0.0:8080 > 10.80.0.9"));
}

TEST_F(BridgeTest, TableOfAnotherShapeIsMadeAnew) {
  host_->Shell(
      "nft -f - <<'END'\ntable inet davit-0 {\n comment \"davit bridge davit0\"\n"
      "map hostports4 { type inet_service : ipv4_addr; }\n}\nEND");
  std::unique_ptr<Bridge> bridge = OpenBridge();
  ASSERT_NE(bridge, nullptr);
  EXPECT_THAT(Rules("davit-0"), HasSubstr("inet_proto . inet_service : ipv4_addr . inet_service"));
}

}  // namespace
}  // namespace davit::cni
