// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Packets really sent: who reaches whom, by which address, and who must not.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netpacket/packet.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

#include "base/file_io.h"
#include "cni/testing/test_world.h"

namespace davit::cni {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Protocol kTcp = Protocol::kTcp;
constexpr Protocol kUdp = Protocol::kUdp;
const IpAddress kAny4{AF_INET, {}};
const IpAddress kAny6{AF_INET6, {}};

// With bridge netfilter on, frames between pods pass the host's IP rules too. Kubernetes nodes have it on,
// others off.
class TrafficTest : public NetworkTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* setting : {"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"})
      if (!WriteFileAt(AT_FDCWD, std::string("/proc/sys/net/bridge/") + setting, GetParam()) && IsOn())
        GTEST_SKIP() << "needs the br_netfilter module";
    bridge_ = OpenBridge();
    ASSERT_NE(bridge_, nullptr);
  }
  static bool IsOn() { return std::string(GetParam()) == "1"; }

  std::unique_ptr<Bridge> bridge_;
};

INSTANTIATE_TEST_SUITE_P(BridgeNetfilter, TrafficTest, ::testing::Values("0", "1"),
                         [](const auto& param) { return param.param[0] == '1' ? "On" : "Off"; });

TEST_P(TrafficTest, PodsReachEachOtherByTheirOwnAddresses) {
  Pod a = StartPod(*bridge_);
  Pod b = StartPod(*bridge_);
  Endpoint server4 = Serve(b.ns, kTcp, b.ipv4());
  Endpoint server6 = Serve(b.ns, kTcp, b.ipv6());
  EXPECT_EQ(Call(a.ns, kTcp, server4, b.ipv4().ToString(), server4.port), a.ipv4().ToString());
  EXPECT_EQ(Call(a.ns, kTcp, server6, b.ipv6().ToString(), server6.port), a.ipv6().ToString());
}

TEST_P(TrafficTest, PodReachesItself) {
  Pod pod = StartPod(*bridge_);
  Endpoint server = Serve(pod.ns, kTcp, kAny4);
  EXPECT_EQ(Call(pod.ns, kTcp, server, "127.0.0.1", server.port), "127.0.0.1");
  EXPECT_EQ(Call(pod.ns, kTcp, server, pod.ipv4().ToString(), server.port), pod.ipv4().ToString());
}

TEST_P(TrafficTest, PodReachesOutsideUnderTheHostsAddress) {
  Pod pod = StartPod(*bridge_);
  Endpoint server4 = Serve(*outside_, kTcp, Ip("192.0.2.2"));
  Endpoint server6 = Serve(*outside_, kUdp, Ip("2001:db8::2"));
  EXPECT_EQ(Call(pod.ns, kTcp, server4, "192.0.2.2", server4.port), kHostIpv4);
  EXPECT_EQ(Call(pod.ns, kUdp, server6, "2001:db8::2", server6.port), kHostIpv6);
}

TEST_P(TrafficTest, HostAndPodReachEachOther) {
  Pod pod = StartPod(*bridge_);
  Endpoint in_pod = Serve(pod.ns, kTcp, kAny4);
  EXPECT_EQ(Call(*host_, kTcp, in_pod, pod.ipv4().ToString(), in_pod.port), "10.80.0.1");
  Endpoint on_host = Serve(*host_, kTcp, kAny6);
  EXPECT_EQ(Call(pod.ns, kTcp, on_host, "fd00:80::1", on_host.port), pod.ipv6().ToString());
}

TEST_P(TrafficTest, HostPortIsReachedFromEverywhere) {
  for (Protocol protocol : {kTcp, kUdp}) {
    SCOPED_TRACE(ProtocolName(protocol));
    Pod pod = StartPod(*bridge_, {{protocol, "", 8080, 80}});
    Pod other = StartPod(*bridge_);
    Endpoint server4 = Serve(pod.ns, protocol, kAny4, 80);
    EXPECT_EQ(Call(*outside_, protocol, server4, kHostIpv4, 8080), "192.0.2.2");
    EXPECT_EQ(Call(*host_, protocol, server4, kHostIpv4, 8080), kHostIpv4);
    EXPECT_EQ(Call(*host_, protocol, server4, "127.0.0.1", 8080), "10.80.0.1");
    EXPECT_EQ(Call(other.ns, protocol, server4, kHostIpv4, 8080), "10.80.0.1");
    EXPECT_EQ(Call(pod.ns, protocol, server4, kHostIpv4, 8080), "10.80.0.1");
    server4.fd.Reset();
    Endpoint server6 = Serve(pod.ns, protocol, pod.ipv6(), 80);
    EXPECT_EQ(Call(*outside_, protocol, server6, kHostIpv6, 8080), "2001:db8::2");
    EXPECT_EQ(Call(*host_, protocol, server6, kHostIpv6, 8080), kHostIpv6);
    EXPECT_EQ(Call(other.ns, protocol, server6, kHostIpv6, 8080), "fd00:80::1");
    EXPECT_EQ(Call(pod.ns, protocol, server6, kHostIpv6, 8080), "fd00:80::1");
    // Bridge netfilter undoes the translation before the IPv6 input, which refuses ::1 from a wire.
    if (!IsOn()) {
      EXPECT_EQ(Call(*host_, protocol, server6, "::1", 8080), "fd00:80::1");
    }
    StopPod(*bridge_, pod);
    StopPod(*bridge_, other);
  }
}

TEST_P(TrafficTest, HostPortOfOneAddressIsNotOnOthers) {
  Pod pod = StartPod(*bridge_, {{kTcp, "127.0.0.1", 8080, 80}, {kTcp, kHostIpv6, 8081, 80}});
  Endpoint server4 = Serve(pod.ns, kTcp, kAny4, 80);
  Endpoint server6 = Serve(pod.ns, kTcp, pod.ipv6(), 80);
  EXPECT_EQ(Call(*host_, kTcp, server4, "127.0.0.1", 8080), "10.80.0.1");
  EXPECT_THAT(Call(*outside_, kTcp, server4, kHostIpv4, 8080), HasSubstr("refused"));
  EXPECT_EQ(Call(*outside_, kTcp, server6, kHostIpv6, 8081), "2001:db8::2");
  EXPECT_THAT(Call(*host_, kTcp, server6, "fd00:80::1", 8081), HasSubstr("refused"));
}

TEST_P(TrafficTest, HostPortsOfTwoProtocolsLeadToDifferentPods) {
  Pod tcp = StartPod(*bridge_, {{kTcp, "", 5353, 53}});
  Pod udp = StartPod(*bridge_, {{kUdp, "", 5353, 53}});
  Endpoint tcp_server = Serve(tcp.ns, kTcp, kAny4, 53);
  Endpoint udp_server = Serve(udp.ns, kUdp, kAny4, 53);
  EXPECT_EQ(Call(*outside_, kTcp, tcp_server, kHostIpv4, 5353), "192.0.2.2");
  EXPECT_EQ(Call(*outside_, kUdp, udp_server, kHostIpv4, 5353), "192.0.2.2");
}

TEST_P(TrafficTest, NothingElseOfTheHostIsTranslated) {
  Pod pod = StartPod(*bridge_, {{kTcp, "", 8080, 80}});
  Endpoint on_host = Serve(*host_, kTcp, kAny4, 8081);
  EXPECT_EQ(Call(*outside_, kTcp, on_host, kHostIpv4, 8081), "192.0.2.2");
  // A pod that connects to port 8080 of somebody else must get there.
  Endpoint elsewhere = Serve(*outside_, kTcp, Ip("192.0.2.2"), 8080);
  EXPECT_EQ(Call(pod.ns, kTcp, elsewhere, "192.0.2.2", 8080), kHostIpv4);
}

// The forbidden datagram is sent first, on the same way as an allowed one: the allowed one must be the first
// to arrive.
TEST_P(TrafficTest, PodReachesNoLoopbackServiceOfTheHost) {
  Pod pod = StartPod(*bridge_);
  Endpoint service = Serve(*host_, kUdp, kAny4);
  pod.ns.Shell(
      "ip route del local 127.0.0.0/8 dev lo table local; ip address del 127.0.0.1/8 dev lo;"
      "ip route add 127.0.0.0/8 via 10.80.0.1 && echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet");
  Send(pod.ns, "127.0.0.1", service.port, "to loopback", pod.ipv4().ToString());
  Send(pod.ns, "10.80.0.1", service.port, "allowed");
  EXPECT_EQ(Receive(service), "allowed");
}

TEST_P(TrafficTest, PodCannotSpeakAsTheHostsLoopback) {
  Pod pod = StartPod(*bridge_);
  Endpoint service = Serve(*host_, kUdp, kAny4);
  pod.ns.Shell("echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet");
  Send(pod.ns, "10.80.0.1", service.port, "from loopback", "127.0.0.2");
  Send(pod.ns, "10.80.0.1", service.port, "allowed");
  EXPECT_EQ(Receive(service), "allowed");
}

TEST_P(TrafficTest, NeighbourReachesNoPortOfTheLoopbackAddress) {
  Pod pod = StartPod(*bridge_, {{kUdp, "127.0.0.1", 8080, 80}, {kUdp, "", 8081, 80}});
  Endpoint server = Serve(pod.ns, kUdp, kAny4, 80);
  outside_->Shell(
      "ip route del local 127.0.0.0/8 dev lo table local; ip address del 127.0.0.1/8 dev lo;"
      "ip route add 127.0.0.0/8 via 192.0.2.1 && echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet");
  Send(*outside_, "127.0.0.1", 8080, "to loopback", "192.0.2.2");
  Send(*outside_, kHostIpv4, 8081, "allowed");
  EXPECT_EQ(Receive(server), "allowed");
}

// The advertisement goes first and is taken, if at all, when it arrives: before the datagram behind it is
// read.
TEST_P(TrafficTest, PodCannotMakeItselfTheOthersRouter) {
  Pod rogue = StartPod(*bridge_);
  Pod victim = StartPod(*bridge_);
  Endpoint server = Serve(victim.ns, kUdp, victim.ipv6());
  rogue.ns.Shell("ip address add fe80::bad/64 dev eth0 nodad");
  rogue.ns.Run([] {
    UniqueFd fd(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
    int hops = 255;
    ASSERT_EQ(setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops), 0);
    auto index = if_nametoindex("eth0");
    sockaddr_in6 from{AF_INET6, 0, 0, {}, index};
    sockaddr_in6 all_nodes{AF_INET6, 0, 0, {}, index};
    ASSERT_EQ(inet_pton(AF_INET6, "fe80::bad", &from.sin6_addr), 1);
    ASSERT_EQ(inet_pton(AF_INET6, "ff02::1", &all_nodes.sin6_addr), 1);
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&from), sizeof from), 0) << strerror(errno);
    nd_router_advert advert{};
    advert.nd_ra_type = ND_ROUTER_ADVERT;
    advert.nd_ra_router_lifetime = htons(1800);
    ASSERT_EQ(sendto(fd.get(), &advert, sizeof advert, 0, reinterpret_cast<sockaddr*>(&all_nodes),
                     sizeof all_nodes),
              static_cast<ssize_t>(sizeof advert))
        << strerror(errno);
  });
  Send(rogue.ns, victim.ipv6().ToString(), server.port, "behind it");
  EXPECT_EQ(Receive(server), "behind it");
  EXPECT_THAT(victim.ns.Shell("ip -6 route"), Not(HasSubstr("fe80::bad")));
}

// An ICMPv6 message to a group that is the test's alone, as a starting pod sends them, or a rogue one.
struct GroupMessage {
  ether_header ethernet{};
  ip6_hdr ip{};
  icmp6_hdr icmp{};
} __attribute__((packed));

constexpr in6_addr kTestGroup{{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xda, 0x71, 0, 1}}};

GroupMessage MakeGroupMessage(uint8_t type, const in6_addr& from) {
  GroupMessage message;
  constexpr uint8_t kGroupMac[ETH_ALEN] = {0x33, 0x33, 0xda, 0x71, 0, 1};
  std::ranges::copy(kGroupMac, message.ethernet.ether_dhost);
  message.ethernet.ether_shost[0] = 2;
  message.ethernet.ether_type = htons(ETHERTYPE_IPV6);
  message.ip.ip6_flow = htonl(6U << 28);
  message.ip.ip6_plen = htons(sizeof message.icmp);
  message.ip.ip6_nxt = IPPROTO_ICMPV6;
  message.ip.ip6_hlim = 255;
  message.ip.ip6_src = from;
  message.ip.ip6_dst = kTestGroup;
  message.icmp.icmp6_type = type;
  return message;
}

UniqueFd PacketSocket(const NetNs& ns) {
  UniqueFd fd;
  ns.Run([&] {
    fd = UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IPV6)));
    sockaddr_ll eth0{};
    eth0.sll_family = AF_PACKET;
    eth0.sll_protocol = htons(ETH_P_IPV6);
    eth0.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&eth0), sizeof eth0), 0) << strerror(errno);
  });
  return fd;
}

// The last message passes, and says that those before it would have come by now.
TEST_P(TrafficTest, GroupMessagesOfNoUseReachNoOtherPod) {
  Pod rogue = StartPod(*bridge_);
  Pod other = StartPod(*bridge_);
  UniqueFd listener = PacketSocket(other.ns);
  UniqueFd sender = PacketSocket(rogue.ns);
  in6_addr address{};
  ASSERT_EQ(inet_pton(AF_INET6, rogue.ipv6().ToString().c_str(), &address), 1);
  auto send_message = [&](uint8_t type, const in6_addr& from) {
    GroupMessage message = MakeGroupMessage(type, from);
    ASSERT_EQ(send(sender.get(), &message, sizeof message, 0), static_cast<ssize_t>(sizeof message));
  };
  constexpr uint8_t kMldV2Report = 143;
  for (uint8_t type : {MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_LISTENER_REDUCTION, ND_ROUTER_SOLICIT,
                       ND_ROUTER_ADVERT, static_cast<int>(kMldV2Report)})
    send_message(type, address);
  send_message(ND_NEIGHBOR_SOLICIT, in6addr_any);
  send_message(ND_NEIGHBOR_SOLICIT, address);

  std::vector<int> seen;
  while (std::ranges::find(seen, ND_NEIGHBOR_SOLICIT) == seen.end()) {
    GroupMessage message;
    pollfd ready{listener.get(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 5000), 1) << "the last message did not come";
    ASSERT_GE(recv(listener.get(), &message, sizeof message, 0), 0);
    in6_addr to = message.ip.ip6_dst, from = message.ip.ip6_src;
    if (!IN6_ARE_ADDR_EQUAL(&to, &kTestGroup)) continue;
    EXPECT_FALSE(IN6_IS_ADDR_UNSPECIFIED(&from));
    seen.push_back(message.icmp.icmp6_type);
  }
  EXPECT_THAT(seen, ::testing::ElementsAre(ND_NEIGHBOR_SOLICIT));
}

// A client that keeps its source port is one flow to conntrack, which would go on to where it went first.
TEST_P(TrafficTest, UdpClientFollowsAHostPortAtOnce) {
  Endpoint client = Serve(*outside_, kUdp, Ip("192.0.2.2"));
  auto knock = [&](const char* text) {
    sockaddr_in host{AF_INET, htons(8080), {inet_addr(kHostIpv4)}, {}};
    sendto(client.fd.get(), text, strlen(text), 0, reinterpret_cast<sockaddr*>(&host), sizeof host);
  };
  Endpoint on_host = Serve(*host_, kUdp, kAny4, 8080);
  knock("to the host");
  EXPECT_EQ(Receive(on_host), "to the host");
  for (const char* text : {"to the first pod", "to the second pod"}) {
    Pod pod = StartPod(*bridge_, {{kUdp, "", 8080, 80}});
    Endpoint server = Serve(pod.ns, kUdp, kAny4, 80);
    knock(text);
    EXPECT_EQ(Receive(server), text);
    server.fd.Reset();
    StopPod(*bridge_, pod);
  }
  knock("to the host again");
  EXPECT_EQ(Receive(on_host), "to the host again");
}

TEST_P(TrafficTest, InstancesReachEachOther) {
  std::unique_ptr<Bridge> second = OpenBridge(1);
  ASSERT_NE(second, nullptr);
  Pod here = StartPod(*bridge_, {{kTcp, "", 8080, 80}});
  Pod there = StartPod(*second, {{kTcp, "", 9090, 80}});
  Endpoint server_here = Serve(here.ns, kTcp, kAny4, 80);
  Endpoint server_there = Serve(there.ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(here.ns, kTcp, server_there, there.ipv4().ToString(), 80), "10.81.0.1");
  EXPECT_EQ(Call(here.ns, kTcp, server_there, kHostIpv4, 9090), "10.81.0.1");
  EXPECT_EQ(Call(there.ns, kTcp, server_here, kHostIpv4, 8080), "10.80.0.1");
}

TEST_P(TrafficTest, CountersAreThoseThatThePodSees) {
  Pod pod = StartPod(*bridge_);
  Endpoint server = Serve(pod.ns, kUdp, pod.ipv4());
  for (int i = 0; i < 20; ++i) Send(*host_, pod.ipv4().ToString(), server.port, std::string(1000, 'x'));

  // Both ends are read until nothing came in between: neighbour discovery goes on by itself.
  std::vector<LinkCounters> inside;
  LinkCounters seen;
  do {
    NetlinkSocket socket = EnterPod(pod.ns.fd()).value();
    inside = ListLinkCounters(socket).value();
    seen = bridge_->Counters().value().at(pod.attachment.host_interface);
    ASSERT_EQ(inside.size(), 1U) << "lo is left out";
  } while (inside[0].received != seen.received || inside[0].sent != seen.sent);

  EXPECT_EQ(seen.name, "eth0");
  EXPECT_GE(seen.received.packets, 20U);
  EXPECT_GE(seen.received.bytes, 20'000U);
  EXPECT_LT(seen.sent.bytes, 20'000U);
}

}  // namespace
}  // namespace davit::cni
