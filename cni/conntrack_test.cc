// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/conntrack.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "cni/testing/test_world.h"

namespace davit::cni {
namespace {

using Forget = Result<> (*)(NetlinkSocket&, const std::vector<HostPort>&, Flows);

// Both ways of forgetting: in the kernel, and by reading the table where the kernel cannot.
class ConntrackTest : public NetworkTest, public ::testing::WithParamInterface<Forget> {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    bridge_ = OpenBridge();
    ASSERT_NE(bridge_, nullptr);
    socket_.emplace(NetlinkSocket::Open(NETLINK_NETFILTER).value());
  }

  // Of UDP: the hosts' own ICMPv6 comes and goes.
  size_t CountFlows() {
    NetlinkBatch batch;
    nlmsghdr* message = nullptr;
    batch.Add<nfgenmsg>("list flows", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &message);
    size_t count = 0;
    auto read = [&](const nlmsghdr* flow) { count += ProtocolOf(flow) == IPPROTO_UDP ? 1 : 0; };
    EXPECT_TRUE(socket_->Dump(batch, read, [&] { count = 0; }));
    return count;
  }

  static int ProtocolOf(const nlmsghdr* flow) {
    auto tuple = ParseNested(ParseAttributes(flow, sizeof(nfgenmsg), CTA_MAX)[CTA_TUPLE_ORIG], CTA_TUPLE_MAX);
    auto protocol = ParseNested(tuple[CTA_TUPLE_PROTO], CTA_PROTO_MAX);
    return static_cast<uint8_t>(AttributeBytes(protocol[CTA_PROTO_NUM]).at(0));
  }

  // One flow of the neighbour's to a UDP port of the host, where nobody need listen.
  void Knock(uint16_t port) {
    Endpoint listener = Serve(*host_, Protocol::kUdp, Ip("0.0.0.0"), port);
    Send(*outside_, kHostIpv4, port, "knock");
    EXPECT_EQ(Receive(listener), "knock");
  }

  std::unique_ptr<Bridge> bridge_;
  std::optional<NetlinkSocket> socket_;
};

INSTANTIATE_TEST_SUITE_P(Ways, ConntrackTest, ::testing::Values(&ForgetUdpFlows, &ForgetUdpFlowsByDump),
                         [](const auto& param) { return param.index == 0 ? "InTheKernel" : "ByDump"; });

HostPort Port(Protocol protocol, const char* host_ip, uint16_t port) {
  return {protocol, Ip(host_ip), port, Ip("10.80.0.2"), 80};
}

TEST_P(ConntrackTest, ForgetsFlowsToAHostPortAndNoOthers) {
  Knock(8080);
  Knock(8081);
  ASSERT_EQ(CountFlows(), 2u);
  ASSERT_TRUE(GetParam()(*socket_, {Port(Protocol::kTcp, "0.0.0.0", 8080)}, Flows::kToHostPort));
  EXPECT_EQ(CountFlows(), 2u) << "TCP flows are left alone, and so are UDP ones of the same number";
  ASSERT_TRUE(GetParam()(*socket_, {Port(Protocol::kUdp, "192.0.2.7", 8080)}, Flows::kToHostPort));
  EXPECT_EQ(CountFlows(), 2u) << "another address of the host";
  ASSERT_TRUE(GetParam()(*socket_, {Port(Protocol::kUdp, "192.0.2.1", 8080)}, Flows::kToHostPort));
  EXPECT_EQ(CountFlows(), 1u);
  ASSERT_TRUE(GetParam()(*socket_, {Port(Protocol::kUdp, "0.0.0.0", 8081)}, Flows::kToHostPort));
  EXPECT_EQ(CountFlows(), 0u);
  EXPECT_TRUE(GetParam()(*socket_, {Port(Protocol::kUdp, "0.0.0.0", 8081)}, Flows::kToHostPort));
}

// More than the kernel can acknowledge at once.
TEST_P(ConntrackTest, ForgetsThousandsOfFlows) {
  constexpr int kFlows = 3000;
  outside_->Run([] {
    sockaddr_in host{AF_INET, htons(8080), {inet_addr(kHostIpv4)}, {}};
    for (int i = 0; i < kFlows; ++i) {
      UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(sendto(fd.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&host), sizeof host), 1);
    }
  });
  ASSERT_GT(CountFlows(), size_t{kFlows} / 2) << "the kernel reuses some of the source ports";
  Result<> done = GetParam()(*socket_, {Port(Protocol::kUdp, "0.0.0.0", 8080)}, Flows::kToHostPort);
  EXPECT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(CountFlows(), 0u);
}

TEST_P(ConntrackTest, LeavesFlowsOfTheOtherFamily) {
  Knock(8080);
  HostPort port{Protocol::kUdp, Ip("::"), 8080, Ip("fd00:80::2"), 80};
  ASSERT_TRUE(GetParam()(*socket_, {port}, Flows::kToHostPort));
  EXPECT_EQ(CountFlows(), 1u);
}

TEST_P(ConntrackTest, ForgetsOnlyWhatLeadsIntoThePod) {
  Pod pod = StartPod(*bridge_, {{Protocol::kUdp, "", 8080, 80}});
  Endpoint server = Serve(pod.ns, Protocol::kUdp, Ip("0.0.0.0"), 80);
  Send(*outside_, kHostIpv4, 8080, "hello");
  EXPECT_EQ(Receive(server), "hello");
  ASSERT_EQ(CountFlows(), 1u);
  HostPort port{Protocol::kUdp, Ip("0.0.0.0"), 8080, Ip("10.80.0.99"), 80};
  ASSERT_TRUE(GetParam()(*socket_, {port}, Flows::kIntoPod));
  EXPECT_EQ(CountFlows(), 1u) << "another pod's";
  port.pod = pod.ipv4();
  ASSERT_TRUE(GetParam()(*socket_, {port}, Flows::kIntoPod));
  EXPECT_EQ(CountFlows(), 0u);
}

}  // namespace
}  // namespace davit::cni
