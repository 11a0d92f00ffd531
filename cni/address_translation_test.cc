// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which addresses are seen where others translate addresses, too, and where the network routes to pods. A
// table of the test stands for kube-proxy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_io.h"
#include "cni/testing/bridge_fixture.h"

namespace davit::cni {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kService4[] = "10.96.0.1";
constexpr char kService6[] = "fd00:96::1";

// With bridge netfilter off and on, for all bridges.
class TranslationTest : public BridgeTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* setting : {"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"})
      if (!WriteFileAt(AT_FDCWD, std::string("/proc/sys/net/bridge/") + setting, GetParam()))
        GTEST_SKIP() << "needs the br_netfilter module";
  }
  static bool IsOn() { return std::string(GetParam()) == "1"; }

  void Open(const std::function<void(BridgeConfig&)>& change = [](BridgeConfig&) {}) {
    BridgeConfig config = Config();
    change(config);
    bridge_ = Bridge::Open(config).value();
  }
  // A Service with `backend` as its only endpoint, at port 80.
  void AddService(const Pod& backend) const {
    host_->Shell(
        "nft -f - <<'END'\ntable inet proxy {\n chain pre {\n  type nat hook prerouting priority -100\n"
        "  ip daddr 10.96.0.1 tcp dport 80 dnat ip to " +
        backend.ipv4().ToString() +
        ":8080\n"
        "  ip6 daddr fd00:96::1 tcp dport 80 dnat ip6 to [" +
        backend.ipv6().ToString() +
        "]:8080\n"
        " }\n}\nEND");
  }
  // The outside neighbour becomes another node, which knows the way to the pods of this one.
  void RouteFromOutside() const {
    outside_->Shell("ip route add 10.80.0.0/16 via 192.0.2.1; ip -6 route add fd00:80::/64 via 2001:db8::1");
  }

  std::unique_ptr<Bridge> bridge_;
};

INSTANTIATE_TEST_SUITE_P(BridgeNetfilter, TranslationTest, ::testing::Values("0", "1"),
                         [](const auto& param) { return param.param[0] == '1' ? "On" : "Off"; });

TEST_P(TranslationTest, AServiceOnTheOwnNodeWorksAndSeesThePodsAddressIfAnswersPassTheHost) {
  Open();
  Pod client = StartPod(*bridge_);
  Pod backend = StartPod(*bridge_);
  AddService(backend);
  Endpoint server4 = Serve(backend.ns, kTcp, kAny4, 8080);
  EXPECT_EQ(Call(client.ns, kTcp, server4, kService4, 80), IsOn() ? client.ipv4().ToString() : "10.80.0.1");
  server4.fd.Reset();
  Endpoint server6 = Serve(backend.ns, kTcp, backend.ipv6(), 8080);
  EXPECT_EQ(Call(client.ns, kTcp, server6, kService6, 80), IsOn() ? client.ipv6().ToString() : "fd00:80::1");
}

TEST_P(TranslationTest, ABridgeThatFiltersKeepsThePodsAddressEitherWay) {
  Open([](BridgeConfig& config) { config.filter_bridged = true; });
  Pod client = StartPod(*bridge_);
  Pod backend = StartPod(*bridge_);
  AddService(backend);
  Endpoint server4 = Serve(backend.ns, kTcp, kAny4, 8080);
  EXPECT_EQ(Call(client.ns, kTcp, server4, kService4, 80), client.ipv4().ToString());
  EXPECT_EQ(Call(client.ns, kTcp, server4, backend.ipv4().ToString(), 8080), client.ipv4().ToString());
  server4.fd.Reset();
  Endpoint server6 = Serve(backend.ns, kTcp, backend.ipv6(), 8080);
  EXPECT_EQ(Call(client.ns, kTcp, server6, kService6, 80), client.ipv6().ToString());
}

TEST_P(TranslationTest, AChangedSettingOfBridgeNetfilterIsFollowed) {
  Open();
  Pod client = StartPod(*bridge_);
  Pod backend = StartPod(*bridge_);
  AddService(backend);
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, "/proc/sys/net/bridge/bridge-nf-call-iptables", IsOn() ? "0" : "1"));
  ASSERT_TRUE(bridge_->Reconcile());
  Endpoint server = Serve(backend.ns, kTcp, kAny4, 8080);
  EXPECT_EQ(Call(client.ns, kTcp, server, kService4, 80), IsOn() ? "10.80.0.1" : client.ipv4().ToString());
}

TEST_P(TranslationTest, AServiceThatLeadsOutsideIsMasqueraded) {
  Open();
  Pod client = StartPod(*bridge_);
  host_->Shell(
      "nft -f - <<'END'\ntable ip proxy {\n chain pre {\n  type nat hook prerouting priority -100\n"
      "  ip daddr 10.96.0.1 tcp dport 80 dnat to 192.0.2.2:8080\n }\n}\nEND");
  Endpoint server = Serve(*outside_, kTcp, Ip("192.0.2.2"), 8080);
  EXPECT_EQ(Call(client.ns, kTcp, server, kService4, 80), kHostIpv4);
}

TEST_P(TranslationTest, DestinationsThatRouteToPodsSeeTheirAddresses) {
  Open([](BridgeConfig& config) {
    config.no_masquerade = {*ParseSubnet("192.0.2.0/25"), *ParseSubnet("198.51.100.0/24"),
                            *ParseSubnet("2001:db8::/64")};
  });
  RouteFromOutside();
  outside_->Shell("ip address add 192.0.2.200/32 dev out0");
  host_->Shell("ip route add 192.0.2.200/32 dev up0");
  Pod pod = StartPod(*bridge_);
  Endpoint server4 = Serve(*outside_, kTcp, kAny4);
  EXPECT_EQ(Call(pod.ns, kTcp, server4, "192.0.2.2", server4.port), pod.ipv4().ToString());
  EXPECT_EQ(Call(pod.ns, kTcp, server4, "192.0.2.200", server4.port), kHostIpv4) << "not in the list";
  Endpoint server6 = Serve(*outside_, kTcp, Ip("2001:db8::2"));
  EXPECT_EQ(Call(pod.ns, kTcp, server6, "2001:db8::2", server6.port), pod.ipv6().ToString());
  Endpoint in_pod = Serve(pod.ns, kTcp, kAny4);
  EXPECT_EQ(Call(*outside_, kTcp, in_pod, pod.ipv4().ToString(), in_pod.port), "192.0.2.2");
}

// Thousands of networks that do not fit into a socket's default buffers; some overlap, some touch.
TEST_P(TranslationTest, AnyNumberOfDestinationsMayRouteToPods) {
  Open([](BridgeConfig& config) {
    for (int i = 0; i < 6000; ++i) {
      std::string bytes = std::to_string(i / 256) + "." + std::to_string(i % 256);
      config.no_masquerade.push_back(*ParseSubnet("172." + bytes + ".0/24"));
      config.no_masquerade.push_back(*ParseSubnet("2001:db8:1:" + std::to_string(i) + "::/64"));
    }
    for (const char* network : {"255.255.255.255/32", "192.0.2.0/25", "192.0.2.0/24", "192.0.2.2/32",
                                "198.51.100.0/24", "2001:db8::/64", "ffff::/16"})
      config.no_masquerade.push_back(*ParseSubnet(network));
  });
  RouteFromOutside();
  Pod pod = StartPod(*bridge_);
  Endpoint server4 = Serve(*outside_, kTcp, kAny4);
  EXPECT_EQ(Call(pod.ns, kTcp, server4, "192.0.2.2", server4.port), pod.ipv4().ToString());
  Endpoint server6 = Serve(*outside_, kTcp, Ip("2001:db8::2"));
  EXPECT_EQ(Call(pod.ns, kTcp, server6, "2001:db8::2", server6.port), pod.ipv6().ToString());
  EXPECT_EQ(bridge_->Reconcile()->repaired.size(), 0u) << "the next look finds them as they were made";
  bridge_.reset();
  Open();  // the next process, without a list
  Result<std::map<std::string, Error>> taken = bridge_->Collect({{pod.id, pod.attachment}});
  ASSERT_TRUE(taken);
  EXPECT_EQ(Call(pod.ns, kTcp, server4, "192.0.2.2", server4.port), kHostIpv4);
}

TEST_P(TranslationTest, WithoutMasqueradeOnlyHostPortsBetweenPodsAreTranslated) {
  Open([](BridgeConfig& config) { config.masquerade = false; });
  RouteFromOutside();
  Pod pod = StartPod(*bridge_, {{kTcp, "", 8080, 80}});
  Pod other = StartPod(*bridge_);
  Endpoint outside = Serve(*outside_, kTcp, Ip("192.0.2.2"));
  EXPECT_EQ(Call(pod.ns, kTcp, outside, "192.0.2.2", outside.port), pod.ipv4().ToString());
  Endpoint server = Serve(pod.ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(other.ns, kTcp, server, kHostIpv4, 8080), "10.80.0.1");
  EXPECT_EQ(Call(pod.ns, kTcp, server, kHostIpv4, 8080), "10.80.0.1") << "a pod reaches itself";
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
}

TEST_P(TranslationTest, OtherBitsOfAConnectionsMarkAreKept) {
  Open();
  host_->Shell(
      "nft -f - <<'END'\ntable inet marks {\n chain pre {\n  type filter hook prerouting priority -110\n"
      "  tcp dport 8080 ct mark set 0x5\n }\n chain post {\n  type filter hook postrouting priority 110\n"
      "  ct mark 0x02000005 counter name seen\n }\n counter seen { }\n}\nEND");
  Pod pod = StartPod(*bridge_, {{kTcp, "", 8080, 80}});
  Endpoint server = Serve(pod.ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
  EXPECT_THAT(host_->Shell("nft list counter inet marks seen"), Not(HasSubstr("packets 0")));
}

}  // namespace
}  // namespace davit::cni
