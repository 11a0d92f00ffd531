// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge as a process: what ADD gives a container, and what CHECK notices.
#include <gmock/gmock.h>

#include <fstream>

#include "cni/davit_bridge/testing/plugin_world.h"
#include "cni/names.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ProgramAdd : public DavitBridgeTest {
 protected:
  static std::string MacIn(const Json& result) { return result["interfaces"][2].value("mac", ""); }
};

TEST_F(ProgramAdd, PodsReachEachOtherTheHostAndTheOutside) {
  Container one = NewContainer(), two = NewContainer();
  Json first = Add(one, Network()), second = Add(two, Network());
  Endpoint server = Serve(two.ns, kTcp, Ip("::"));
  for (size_t family : {0, 1}) {
    EXPECT_EQ(AddressIn(first, family), family == 0 ? "10.97.0.2" : "fd00:97::2");
    Endpoint pod = Serve(two.ns, kTcp, Ip(AddressIn(second, family)));
    EXPECT_EQ(Call(one.ns, kTcp, pod, AddressIn(second, family), pod.port), AddressIn(first, family));
    auto gateway = first["ips"][family]["gateway"].get<std::string>();
    Endpoint host = Serve(*host_, kTcp, Ip(gateway));
    EXPECT_EQ(Call(one.ns, kTcp, host, gateway, host.port), AddressIn(first, family));
    std::string away = family == 0 ? "192.0.2.2" : "2001:db8::2";
    Endpoint outside = Serve(*outside_, kTcp, Ip(away));
    EXPECT_EQ(Call(one.ns, kTcp, outside, away, outside.port), family == 0 ? kHostIpv4 : kHostIpv6);
  }
  Delete(one, Network());
  Delete(two, Network());
  EXPECT_EQ(Left(Network()), "");
}

TEST_F(ProgramAdd, DescribesTheInterfaces) {
  Container container = NewContainer();
  Json network = Network();
  network["mtu"] = 1400;
  Json result = Add(container, network);
  std::string host_end = HostInterfaceName("cni7", container.id);
  EXPECT_EQ(result["interfaces"][0]["name"], "cni7");
  EXPECT_EQ(result["interfaces"][1]["name"], host_end);
  EXPECT_EQ(result["interfaces"][2]["name"], "eth0");
  EXPECT_EQ(result["interfaces"][2]["sandbox"], container.netns());
  EXPECT_EQ(result["interfaces"][2]["mtu"], 1400);
  EXPECT_FALSE(result["interfaces"][1].contains("sandbox"));
  EXPECT_THAT(container.ns.Shell("ip link show eth0"),
              AllOf(HasSubstr("mtu 1400"), HasSubstr(MacIn(result))));
  EXPECT_THAT(host_->Shell("ip -d link show " + host_end),
              AllOf(HasSubstr("master cni7"), HasSubstr("hairpin on"), HasSubstr("mtu 1400")));
  EXPECT_EQ(result["routes"][0], Json({{"dst", "0.0.0.0/0"}, {"gw", "10.97.0.1"}}));
  Delete(container, network);
}

TEST_F(ProgramAdd, GivesTheRoutesOfTheConfiguration) {
  Json network = Network();
  network["isDefaultGateway"] = false;
  network["isGateway"] = true;
  network["ipam"]["routes"] = Json::parse(R"([{"dst": "198.51.100.0/24"},
      {"dst": "203.0.113.0/24", "gw": "10.97.0.9", "mtu": 1300, "advmss": 1200, "priority": 7}, {"dst": "::/0"}])");
  Container container = NewContainer();
  Json result = Add(container, network);
  EXPECT_THAT(container.ns.Shell("ip route; ip -6 route"),
              AllOf(HasSubstr("198.51.100.0/24 via 10.97.0.1 dev eth0"),
                    HasSubstr("203.0.113.0/24 via 10.97.0.9 dev eth0 metric 7 mtu 1300 advmss 1200"),
                    HasSubstr("default via fd00:97::1 dev eth0"), Not(HasSubstr("default via 10."))));
  network["prevResult"] = result;
  EXPECT_EQ(Run("CHECK", container, network).status, 0);
  Delete(container, network);
}

TEST_F(ProgramAdd, ASecondInterfaceKeepsTheRoutesOfTheFirst) {
  Json second = Network();
  second["name"] = "more";
  second["bridge"] = "cni8";
  second["ipam"] = {{"subnet", "10.98.0.0/24"}};
  Container container = NewContainer();
  Add(container, Network());
  Json result = Add(container, second, {"CNI_IFNAME=net1"});
  EXPECT_THAT(container.ns.Shell("ip route"),
              AllOf(HasSubstr("default via 10.97.0.1 dev eth0"), HasSubstr("10.98.0.0/24 dev net1"),
                    Not(HasSubstr("default via 10.98.0.1"))));
  EXPECT_EQ(Run("DEL", container, second, {"CNI_IFNAME=net1"}).status, 0);
  EXPECT_EQ(Left(second), "1 links\n") << "the first stays";
  Delete(container, Network());
}

TEST_F(ProgramAdd, GivesRequestedAddressesAndMacs) {
  Json by_capability = Network();
  by_capability["runtimeConfig"] = {{"ips", {"10.97.0.70/16", "fd00:97::70/64"}},
                                    {"mac", "02:00:00:00:00:70"}};
  Json by_convention = Network();
  by_convention["args"]["cni"] = {{"ips", {"10.97.0.71"}}, {"mac", "02:00:00:00:00:71"}};
  Container one = NewContainer(), two = NewContainer(), three = NewContainer();
  Json first = Add(one, by_capability), second = Add(two, by_convention);
  Json third =
      Add(three, Network(), {"CNI_ARGS=IgnoreUnknown=1;IP=10.97.0.72;MAC=02:00:00:00:00:72;K8S_POD_NAME=x"});
  EXPECT_EQ(AddressIn(first), "10.97.0.70");
  EXPECT_EQ(AddressIn(first, 1), "fd00:97::70");
  EXPECT_EQ(MacIn(first), "02:00:00:00:00:70");
  EXPECT_EQ(AddressIn(second), "10.97.0.71");
  EXPECT_EQ(MacIn(second), "02:00:00:00:00:71");
  EXPECT_EQ(AddressIn(third), "10.97.0.72");
  EXPECT_EQ(MacIn(third), "02:00:00:00:00:72");
  Ran taken = Run("ADD", NewContainer(), by_convention);
  EXPECT_THAT(taken.message(), AllOf(HasSubstr("10.97.0.71"), HasSubstr(two.id)));
  by_convention["args"]["cni"]["ips"] = {"10.99.0.1"};
  EXPECT_EQ(Run("ADD", NewContainer(), by_convention).code(), 7);
  for (const Container* container : {&one, &two, &three}) Delete(*container, Network());
}

TEST_F(ProgramAdd, ReusesAnAddressAsLateAsPossibleAndSaysWhenNoneIsLeft) {
  Json network = Network();
  network["ipam"] = {{"subnet", "10.97.0.0/24"}, {"rangeStart", "10.97.0.20"}, {"rangeEnd", "10.97.0.22"}};
  Container one = NewContainer(), two = NewContainer(), three = NewContainer(), four = NewContainer();
  EXPECT_EQ(AddressIn(Add(one, network)), "10.97.0.20");
  Delete(one, network);
  EXPECT_EQ(AddressIn(Add(two, network)), "10.97.0.21");
  EXPECT_EQ(AddressIn(Add(three, network)), "10.97.0.22");
  EXPECT_EQ(AddressIn(Add(one, network)), "10.97.0.20");
  Ran full = Run("ADD", four, network);
  EXPECT_NE(full.status, 0);
  EXPECT_THAT(full.message(), AllOf(HasSubstr("10.97.0.0/24"), HasSubstr("3 containers")));
  for (const Container* container : {&one, &two, &three}) Delete(*container, network);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramAdd, PassesOnDnsAndWhatAPluginBeforeHasMade) {
  Json network = Network();
  network["dns"] = {{"nameservers", {"10.97.0.1"}}, {"search", {"pods.example"}}};
  network["prevResult"] =
      Json::parse(R"({"cniVersion": "1.1.0", "interfaces": [{"name": "lo", "sandbox": "/x"}],
    "ips": [{"address": "127.0.0.1/8", "interface": 0}], "dns": {}})");
  Container container = NewContainer();
  Json result = Add(container, network);
  EXPECT_EQ(result["interfaces"].size(), 4u);
  EXPECT_EQ(result["ips"][0]["interface"], 0);
  EXPECT_EQ(result["ips"][1]["interface"], 3);
  EXPECT_EQ(result["dns"]["search"][0], "pods.example");
  network["runtimeConfig"]["dns"] = {{"servers", {"192.0.2.53"}}, {"options", {"ndots:5"}}};
  Delete(container, network);
  result = Add(container, network);
  EXPECT_EQ(result["dns"], Json({{"nameservers", {"192.0.2.53"}}, {"options", {"ndots:5"}}}));
  network["prevResult"] = result;
  EXPECT_EQ(Run("CHECK", container, network).status, 0);
  Delete(container, network);
}

TEST_F(ProgramAdd, UsesABridgeOfSomebodyElseOnlyAsASwitch) {
  host_->Shell("ip link add cni7 type bridge && ip address add 10.55.0.1/24 dev cni7");
  Json network = Network();
  Ran refused = Run("ADD", NewContainer(), network);
  EXPECT_THAT(refused.message(), HasSubstr("cni7"));
  EXPECT_EQ(Left(network), "");
  network["isDefaultGateway"] = network["ipMasq"] = false;
  network.erase("ipam");
  Container container = NewContainer();
  Json result = Add(container, network);
  EXPECT_FALSE(result.contains("ips"));
  EXPECT_THAT(host_->Shell("ip address show cni7"), AllOf(HasSubstr("10.55.0.1/24"), HasSubstr("UP")));
  EXPECT_THAT(host_->Shell("ip -d link show " + HostInterfaceName("cni7", container.id)),
              HasSubstr("hairpin off"));
  network["prevResult"] = result;
  EXPECT_EQ(Run("CHECK", container, network).status, 0);
  Delete(container, network);
  EXPECT_EQ(Left(network), "");
  EXPECT_EQ(host_->Shell("nft list tables"), "");
}

TEST_F(ProgramAdd, RefusesTheBridgeOfAnotherNetworkAndOtherSubnetsForLivingContainers) {
  Container container = NewContainer();
  Add(container, Network());
  Json other = Network();
  other["name"] = "other";
  EXPECT_THAT(Run("ADD", NewContainer(), other).message(), HasSubstr("cni7"));
  EXPECT_EQ(Left(other), "1 links\n");
  Json moved = Network();
  moved["ipam"] = {{"subnet", "10.96.0.0/16"}};
  EXPECT_THAT(Run("ADD", NewContainer(), moved).message(),
              AllOf(HasSubstr("10.97.0.2"), HasSubstr(container.id)));
  Delete(container, Network());
  Container next = NewContainer();
  EXPECT_THAT(AddressIn(Add(next, moved)), StartsWith("10.96.0."));
  Delete(next, moved);
}

TEST_F(ProgramAdd, WorksBesideADaemonOfDavit) {
  std::unique_ptr<Bridge> daemon = OpenBridge();
  Pod pod = StartPod(*daemon);
  Container container = NewContainer();
  Json result = Add(container, Network());
  Endpoint server = Serve(pod.ns, kTcp, pod.ipv4());
  EXPECT_EQ(Call(container.ns, kTcp, server, pod.ipv4().ToString(), server.port), "10.80.0.1");
  Endpoint back = Serve(container.ns, kTcp, Ip(AddressIn(result)));
  EXPECT_EQ(Call(pod.ns, kTcp, back, AddressIn(result), back.port), "10.97.0.1");
  Result<> checked = daemon->Check();
  EXPECT_TRUE(checked) << checked.error().ToString();
  Json same = Network();
  same["name"] = "same";
  same["bridge"] = "davit0";
  EXPECT_THAT(Run("ADD", NewContainer(), same).message(), HasSubstr("davit0"));
  Json overlapping = Network();
  overlapping["name"] = "overlapping";
  overlapping["bridge"] = "cni9";
  overlapping["ipam"] = {{"subnet", "10.80.0.0/24"}};
  EXPECT_THAT(Run("ADD", NewContainer(), overlapping).message(), HasSubstr("10.80.0.0/24"));
  Delete(container, Network());
  StopPod(*daemon, pod);
}

TEST_F(ProgramAdd, TheNextRunRepairsBridgeAndRules) {
  Json with_port = Network();
  with_port["runtimeConfig"]["portMappings"] =
      Json::parse(R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])");
  Container one = NewContainer(), two = NewContainer();
  Json first = Add(one, with_port);
  host_->Shell("nft flush ruleset; ip link set cni7 down; ip address flush dev cni7");
  with_port["prevResult"] = first;
  Ran broken = Run("CHECK", one, with_port);
  EXPECT_THAT(broken.message(), HasSubstr("cni7"));
  Add(two, Network());
  Ran checked = Run("CHECK", one, with_port);
  EXPECT_EQ(checked.status, 0) << checked.output;
  Endpoint server = Serve(one.ns, kTcp, Ip("0.0.0.0"), 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
  Delete(one, with_port);
  Delete(two, Network());
  EXPECT_EQ(Left(Network()), "");
}

TEST_F(ProgramAdd, CheckNamesWhatDiffers) {
  Container container = NewContainer();
  Json network = Network();
  network["prevResult"] = Add(container, network);
  std::string host_end = HostInterfaceName("cni7", container.id);
  std::string pod = "nsenter --net=" + container.netns() + " ";
  struct {
    std::string disturb, restore, message;
  } const kCases[] = {
      {pod + "ip address del 10.97.0.2/16 dev eth0", pod + "ip address add 10.97.0.2/16 dev eth0",
       "10.97.0.2"},
      {pod + "ip route del default", pod + "ip route add default via 10.97.0.1", "0.0.0.0/0"},
      {pod + "ip link set eth0 address 02:00:00:00:00:01",
       pod + "ip link set eth0 address " + MacIn(network["prevResult"]), "02:00:00:00:00:01"},
      {"ip link set " + host_end + " nomaster",
       "ip link set " + host_end + " master cni7; bridge link set dev " + host_end + " hairpin on", host_end},
      {"nft add rule inet cni-pods postrouting accept", "nft flush ruleset", "cni-pods"},
  };
  for (const auto& c : kCases) {
    host_->Shell(c.disturb);
    Ran ran = Run("CHECK", container, network);
    EXPECT_NE(ran.status, 0) << c.disturb;
    EXPECT_THAT(ran.message(), HasSubstr(c.message));
    host_->Shell(c.restore);
    host_->Shell(pod + "ip route replace default via 10.97.0.1");
  }
  Delete(container, network);
  EXPECT_THAT(Run("CHECK", container, network).message(), HasSubstr("not attached"));
}

TEST_F(ProgramAdd, ASecondAddOfOneInterfaceFailsAndChangesNothing) {
  Container container = NewContainer();
  Json network = Network();
  network["prevResult"] = Add(container, network);
  Json again = Network();
  EXPECT_THAT(Run("ADD", container, again).message(), HasSubstr("attached to this network already"));
  EXPECT_EQ(Run("CHECK", container, network).status, 0);
  Delete(container, network);
}

TEST_F(ProgramAdd, AnInterfaceOfThatNameInTheContainerIsRefusedAndStays) {
  Container container = NewContainer();
  container.ns.Shell("ip link add eth0 type bridge");
  Ran ran = Run("ADD", container, Network());
  EXPECT_THAT(ran.message(), HasSubstr("eth0"));
  EXPECT_EQ(Left(Network()), "");
  container.ns.Shell("ip link show eth0");
}

TEST_F(ProgramAdd, DetachesAContainerWhoseNamespaceIsGone) {
  Container container = NewContainer();
  Add(container, Network());
  Ran ran = Run("DEL", container, Network(), {"CNI_NETNS="});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(Left(Network()), "");
  Add(container, Network());
  Ran gone = Run("DEL", container, Network(), {"CNI_NETNS=/run/netns/davit-none"});
  EXPECT_EQ(gone.status, 0) << gone.output;
  EXPECT_EQ(Left(Network()), "");
}

TEST_F(ProgramAdd, LeasesOfAnEarlierBootAreForgotten) {
  Container container = NewContainer();
  Add(container, Network());
  std::ofstream(dir_ + "/state/pods/boot") << "another boot";
  Container next = NewContainer();
  EXPECT_EQ(AddressIn(Add(next, Network())), "10.97.0.2");
  EXPECT_EQ(Leases().size(), 1u);
  Delete(container, Network());
  Delete(next, Network());
}

}  // namespace
}  // namespace davit::cni
