// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a bridge makes in the kernel, and what it removes.
#include "cni/bridge.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/file_io.h"
#include "cni/names.h"
#include "cni/sysctl.h"
#include "cni/testing/bridge_fixture.h"
#include "cni/testing/failing_allocation.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// With bridge netfilter on, as a new network namespace has it.
TEST_F(BridgeTest, TableIsWhatNftMakesOfTheSameRules) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  ASSERT_NE(bridge, nullptr);
  std::string script = R"(table inet davit-0 {
	map hostports4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
	map hostports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
	map hostports_at4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
	map hostports_at6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
	chain hostports {		meta nfproto ipv4 ct mark set ct mark | 0x02000000 dnat ip to ip daddr . meta l4proto . th dport map @hostports_at4
		ct mark set ct mark | 0x02000000 dnat ip to meta l4proto . th dport map @hostports4
		meta nfproto ipv6 ct mark set ct mark | 0x02000000 dnat ip6 to ip6 daddr . meta l4proto . th dport map @hostports_at6
		ct mark set ct mark | 0x02000000 dnat ip6 to meta l4proto . th dport map @hostports6
}
	chain egress4 {		ip daddr 10.80.0.0/16 ct mark & 0x02000000 != 0 masquerade
ip daddr 10.80.0.0/16 return
		ip daddr 224.0.0.0/4 return
		masquerade fully-random
	}
	chain egress6 {		ip6 daddr fd00:80::/64 ct mark & 0x02000000 != 0 masquerade
ip6 daddr fd00:80::/64 return
		ip6 daddr ff00::/8 return
		masquerade fully-random
	}
	chain prerouting {
		type nat hook prerouting priority -100;
		ip daddr 127.0.0.0/8 return
		fib daddr type local jump hostports
	}
	chain output {
		type nat hook output priority -100;
		fib daddr type local jump hostports
	}
	chain postrouting {
		type nat hook postrouting priority 100;
		ip saddr 10.80.0.0/16 jump egress4
		ip6 saddr fd00:80::/64 jump egress6
		oifname "davit0" ip saddr 127.0.0.0/8 masquerade
		oifname "davit0" ip6 saddr ::1 masquerade
	}
	chain guard {
		type filter hook prerouting priority -300;
		iifname "davit0" ip daddr 127.0.0.0/8 drop
		iifname "davit0" ip saddr 127.0.0.0/8 drop
	}
}
)";
  NetNs reference = NetNs::Make();
  reference.Shell("nft -f - <<'END'\n" + script + "END");
  std::string expected = reference.Shell("nft -nn list table inet davit-0");
  std::string ours = Rules("davit-0");
  std::erase(ours, '\r');
  // Of the header nft shows more of ours: flags, owner, comment.
  auto body = [](const std::string& listing) { return listing.substr(listing.find("\tmap")); };
  EXPECT_EQ(body(ours), body(expected));
  EXPECT_THAT(ours, HasSubstr("davit bridge davit0"));

  const std::string from_pod = "iifname \"" + HostInterfacePrefix("davit0") + "*\" ";
  reference.Shell(
      "nft -f - <<'END'\ntable bridge davit-0 { chain guard { type filter hook prerouting priority -200\n" +
      from_pod + "icmpv6 type 130-134 drop\n" + from_pod + "icmpv6 type 143 drop\n" + from_pod +
      "icmpv6 type 135 ip6 saddr :: drop\n}\n}\nEND");
  auto guard = [](const std::string& listing) { return listing.substr(listing.find("\tchain")); };
  EXPECT_EQ(guard(host_->Shell("nft -nn list table bridge davit-0")),
            guard(reference.Shell("nft -nn list table bridge davit-0")));
}

TEST_F(BridgeTest, RulesStayTheSameHoweverManyPods) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  std::string count = "nft -nn list table inet davit-0 | grep -cE 'dnat|masquerade|return|jump|drop'";
  std::string before = host_->Shell(count);
  Pod a = StartPod(*bridge, {{kTcp, "", 8080, 80}, {kUdp, "127.0.0.1", 53, 53}});
  Pod b = StartPod(*bridge, {{kTcp, "", 8081, 80}, {Protocol::kSctp, "", 8081, 80}});
  EXPECT_EQ(host_->Shell(count), before);
  EXPECT_EQ(HostPorts().size(), 7u);
}

TEST_F(BridgeTest, PodHasTheAddressesItWasGiven) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge);
  EXPECT_EQ(pod.attachment.addresses, (std::vector{Ip("10.80.0.2"), Ip("fd00:80::2")}));
  EXPECT_EQ(pod.attachment.mac, "02:d4:0a:50:00:02");
  EXPECT_THAT(pod.ns.Shell("ip -o address show eth0 scope global"),
              AllOf(HasSubstr("10.80.0.2/16"), HasSubstr("fd00:80::2/64"), Not(HasSubstr("tentative"))));
  EXPECT_THAT(pod.ns.Shell("ip -o link show eth0"),
              AllOf(HasSubstr("02:d4:0a:50:00:02"), HasSubstr("LOWER_UP")));
  EXPECT_THAT(pod.ns.Shell("ip route; ip -6 route"),
              AllOf(HasSubstr("default via 10.80.0.1"), HasSubstr("default via fd00:80::1")));
  EXPECT_THAT(pod.ns.Shell("ip -o link show lo"), HasSubstr("LOWER_UP"));
  std::string host_end = host_->Shell("ip -d link show " + pod.attachment.host_interface);
  EXPECT_THAT(host_end,
              AllOf(HasSubstr("master davit0"), HasSubstr("hairpin on"), HasSubstr("alias " + pod.id)));
  EXPECT_THAT(host_->Shell("ip address show " + pod.attachment.host_interface), Not(HasSubstr("inet6")));
}

TEST_F(BridgeTest, OneFamilyIsEnough) {
  for (const char* subnet : {"10.85.0.0/24", "fd00:85::/64"}) {
    BridgeConfig config{.name = "davit5", .subnets = {*ParseSubnet(subnet)}, .table = "davit5"};
    std::unique_ptr<Bridge> bridge = Bridge::Open(config).value();
    Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}});
    ASSERT_EQ(pod.attachment.addresses.size(), 1u);
    Endpoint server = Serve(pod.ns, kTcp, pod.attachment.addresses[0], 80);
    bool ipv4 = pod.attachment.addresses[0].family == AF_INET;
    EXPECT_EQ(Call(*outside_, kTcp, server, ipv4 ? kHostIpv4 : kHostIpv6, 8080),
              ipv4 ? "192.0.2.2" : "2001:db8::2");
    EXPECT_TRUE(bridge->Destroy());
  }
}

TEST_F(BridgeTest, MtuReachesThePod) {
  BridgeConfig config = Config();
  config.mtu = 1400;
  std::unique_ptr<Bridge> bridge = Bridge::Open(config).value();
  Pod pod = StartPod(*bridge);
  EXPECT_THAT(pod.ns.Shell("ip link show eth0"), HasSubstr("mtu 1400"));
  EXPECT_THAT(host_->Shell("ip link show davit0"), HasSubstr("mtu 1400"));
}

TEST_F(BridgeTest, SetsWhatTheKernelNeedsAndNoMore) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, "/proc/sys/net/ipv6/conf/up0/accept_ra", "1"));
  std::unique_ptr<Bridge> bridge = OpenBridge();
  EXPECT_EQ(*ReadSysctl("net/ipv4/ip_forward"), "1");
  EXPECT_EQ(*ReadSysctl("net/ipv6/conf/all/forwarding"), "1");
  EXPECT_THAT(host_->Shell("ip -details link show davit0"), HasSubstr(" mcast_snooping 0 "));
  EXPECT_EQ(*ReadSysctl("net/ipv4/conf/davit0/route_localnet"), "1");
  EXPECT_EQ(*ReadSysctl("net/ipv4/conf/all/route_localnet"), "0");
  EXPECT_EQ(*ReadSysctl("net/ipv4/conf/up0/route_localnet"), "0");
  EXPECT_EQ(*ReadSysctl("net/ipv6/conf/davit0/accept_ra"), "0");
  EXPECT_EQ(*ReadSysctl("net/ipv6/conf/up0/accept_ra"), "2")
      << "forwarding must not end router advertisements";
}

TEST(SysctlTest, ReadOnlySettingIsAnErrorThatNamesIt) {
  Result<> set = EnsureSysctl("kernel/ostype", "Davit");
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error().ToString(),
              AllOf(HasSubstr("/proc/sys/kernel/ostype"), HasSubstr("needs the value Davit")));
  EXPECT_TRUE(EnsureSysctl("kernel/ostype", *ReadSysctl("kernel/ostype")));
}

TEST_F(BridgeTest, DetachLeavesNothing) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}, {kUdp, kHostIpv4, 8080, 80}});
  EXPECT_THAT(HostPorts(), UnorderedElementsAre("tcp 0.0.0.0:8080 > 10.80.0.2", "tcp [::]:8080 > fd00:80::2",
                                                "udp 192.0.2.1:8080 > 10.80.0.2"));
  ASSERT_TRUE(bridge->Detach(pod.id, pod.attachment));
  EXPECT_THAT(HostPorts(), IsEmpty());
  bridge->WaitForRemovals();  // the namespace is still there: the interface must go all the same
  EXPECT_EQ(PodLinks(), 0u);
  EXPECT_TRUE(bridge->Detach(pod.id, pod.attachment));
}

TEST_F(BridgeTest, DetachWorksWhenTheNamespaceIsGone) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  pod.ns.Close();
  EXPECT_TRUE(bridge->Detach(pod.id, pod.attachment));
  bridge->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 0u);
}

TEST_F(BridgeTest, TakenHostPortFailsTheAttachAndNamesTheHolder) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod first = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  NetNs ns = NetNs::Make();
  Result<Attachment> second =
      bridge->Attach(Id('2'), ns.fd(), *bridge->AllocateAddresses(), {{kTcp, "127.0.0.1", 8080, 80}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_THAT(second.error().ToString(), HasSubstr("sandbox " + first.id));
  EXPECT_EQ(PodLinks(), 1u);
  EXPECT_EQ(HostPorts().size(), 2u);
}

TEST_F(BridgeTest, APodWhoseInterfaceIsGoneGivesItsHostPortsToTheNext) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod gone = StartPod(*bridge, {{kTcp, "", 8080, 80}, {kTcp, "", 8081, 80}});
  host_->Shell("ip link delete " + gone.attachment.host_interface);  // as when its namespace ends
  Pod next = StartPod(*bridge, {{kTcp, "127.0.0.1", 8080, 80}});
  EXPECT_THAT(HostPorts(), UnorderedElementsAre("tcp 127.0.0.1:8080 > " + next.ipv4().ToString()));
  EXPECT_TRUE(bridge->Detach(gone.id, gone.attachment));
  EXPECT_EQ(HostPorts().size(), 1u) << "the late clean-up leaves the next holder's alone";
  EXPECT_TRUE(bridge->Reconcile().value().repaired.empty());
}

TEST_F(BridgeTest, ANamespaceWithoutIpv6GetsItForItsInterface) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod{Id('1'), NetNs::Make(), {}};
  pod.ns.Shell(
      "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > "
      "/proc/sys/net/ipv6/conf/default/disable_ipv6");
  Result<Attachment> attached = bridge->Attach(pod.id, pod.ns.fd(), *bridge->AllocateAddresses(), {});
  ASSERT_TRUE(attached) << attached.error().ToString();
  EXPECT_THAT(pod.ns.Shell("ip -o address show eth0; ip route; ip -6 route"),
              AllOf(HasSubstr("fd00:80::2/64"), HasSubstr("default via 10.80.0.1"),
                    HasSubstr("default via fd00:80::1")));
}

TEST_F(BridgeTest, FailedAttachUndoesItself) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  UniqueFd no_netns = *OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  Result<Attachment> attached =
      bridge->Attach(Id('1'), no_netns.get(), *bridge->AllocateAddresses(), {{kTcp, "", 8080, 80}});
  ASSERT_FALSE(attached);
  EXPECT_THAT(attached.error().ToString(), HasSubstr("network namespace"));

  NetNs occupied = NetNs::Make();
  occupied.Shell("ip link add eth0 type bridge");
  attached = bridge->Attach(Id('1'), occupied.fd(), *bridge->AllocateAddresses(), {{kTcp, "", 8080, 80}});
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Code::kAlreadyExists);
  EXPECT_THAT(attached.error().ToString(), HasSubstr("eth0"));

  bridge->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 0u);
  EXPECT_THAT(HostPorts(), IsEmpty());
  StartPod(*bridge, {{kTcp, "", 8080, 80}});  // the claim is free again
}

// Each allocation of an Attach fails in turn.
TEST_F(BridgeTest, AnAttachThatThrowsUndoesItself) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  const std::vector<PortMapping> ports = {{kTcp, "", 8080, 80}, {kUdp, "192.0.2.1", 53, 53}};
  UniqueFd no_netns = *OpenAt(AT_FDCWD, "/dev/null", O_RDONLY);
  int failures = 0;
  for (bool failed = true; failed; failures += failed ? 1 : 0) {
    NetNs ns = NetNs::Make();
    std::vector<IpAddress> addresses = *bridge->AllocateAddresses();
    Result<Attachment> attached = Fail(Code::kInternal, "attach", "pod", "it threw");
    {
      FailingAllocation allocation(failures);
      try {
        attached = bridge->Attach(Id('1'), ns.fd(), addresses, ports);
      } catch (const std::bad_alloc&) {  // before it had anything
      }
      failed = allocation.failed();
    }
    EXPECT_TRUE(!attached || bridge->Detach(Id('1'), *attached));
    bridge->WaitForRemovals();
    EXPECT_EQ(PodLinks(), 0U) << failures;
    EXPECT_THAT(HostPorts(), IsEmpty()) << failures;
    Result<Attachment> other = bridge->Attach(Id('2'), no_netns.get(), addresses, ports);
    ASSERT_FALSE(other);
    ASSERT_NE(other.error().code, Code::kAlreadyExists) << failures << ": " << other.error().ToString();
    bridge->ReleaseAddresses(addresses);
  }
  EXPECT_GT(failures, 20);
}

TEST_F(BridgeTest, AttachReplacesWhatAnInterruptedOneLeft) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  NetNs again = NetNs::Make();
  Result<Attachment> attached =
      bridge->Attach(pod.id, again.fd(), pod.attachment.addresses, pod.attachment.ports);
  ASSERT_TRUE(attached) << attached.error().ToString();
  EXPECT_EQ(PodLinks(), 1u);
  Endpoint server = Serve(again, kTcp, kAny4, 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
}

TEST_F(BridgeTest, AttachTouchesNoLinkOfAnotherSandbox) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge);
  std::string twin = pod.id;  // the same interface name, another sandbox
  twin.back() = twin.back() == '0' ? '1' : '0';
  NetNs ns = NetNs::Make();
  Result<Attachment> attached = bridge->Attach(twin, ns.fd(), *bridge->AllocateAddresses(), {});
  ASSERT_FALSE(attached);
  EXPECT_THAT(attached.error().ToString(), HasSubstr(pod.id));
  bridge->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 1u);
}

TEST_F(BridgeTest, PodsComeAndGoFromManyThreads) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  std::vector<std::vector<Pod>> pods(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < pods.size(); ++t)
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 6; ++i)
        pods[t].push_back(StartPod(*bridge, {{kTcp, "", static_cast<uint16_t>(8000 + 10 * t + i), 80}}));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(PodLinks(), 24u);
  EXPECT_EQ(HostPorts().size(), 48u);
  threads.clear();
  for (auto& mine : pods)
    threads.emplace_back([&] {
      for (Pod& pod : mine) EXPECT_TRUE(bridge->Detach(pod.id, pod.attachment));
    });
  for (auto& thread : threads) thread.join();
  bridge->WaitForRemovals();
  EXPECT_EQ(PodLinks(), 0u);
  EXPECT_THAT(HostPorts(), IsEmpty());
}

TEST_F(BridgeTest, ARepairDoesNotBringADestroyedBridgeBack) {
  std::unique_ptr<Bridge> bridge = Bridge::Open(Config()).value();
  ASSERT_TRUE(bridge->Destroy());
  EXPECT_EQ(bridge->Reconcile().error().code, Code::kFailedPrecondition);
  EXPECT_EQ(bridge->Check().error().code, Code::kFailedPrecondition);
  EXPECT_THAT(host_->Shell("ip -o link; nft list tables"), Not(HasSubstr("davit")));
}

TEST_F(BridgeTest, DestroyRemovesBridgeTableAndPods) {
  std::unique_ptr<Bridge> bridge = OpenBridge();
  Pod pod = StartPod(*bridge, {{kTcp, "", 8080, 80}});
  EXPECT_TRUE(bridge->Destroy());
  EXPECT_EQ(PodLinks(), 0u);
  EXPECT_THAT(host_->Shell("ip link; nft list ruleset"), Not(HasSubstr("davit")));
  EXPECT_TRUE(bridge->Destroy());
}

TEST(BridgeConfigTest, NonsenseIsRefusedBeforeAnythingIsMade) {
  auto code = [](BridgeConfig config) { return Bridge::Open(config).error().code; };
  std::vector<Subnet> good = {*ParseSubnet("10.80.0.0/16")};
  EXPECT_EQ(code({.name = "", .subnets = good}), Code::kInvalidArgument);
  EXPECT_EQ(code({.name = "sixteencharacter", .subnets = good}), Code::kInvalidArgument);
  EXPECT_EQ(code({.name = "a/b", .subnets = good}), Code::kInvalidArgument);
  EXPECT_EQ(code({.name = "..", .subnets = good}), Code::kInvalidArgument);
  EXPECT_EQ(code({.subnets = {}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.subnets = {good[0], *ParseSubnet("10.81.0.0/16")}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.subnets = {*ParseSubnet("10.80.0.0/31")}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.subnets = good, .table = "a b"}), Code::kInvalidArgument);
  EXPECT_EQ(code({.subnets = {*ParseSubnet("fd00::/64")}, .mtu = 1000}), Code::kInvalidArgument);
}

}  // namespace
}  // namespace davit::cni
