// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/isolation.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cni/testing/bridge_fixture.h"

namespace davit::cni {
namespace {

constexpr char kTable[] = "davit-networks";

IsolatedNetwork Of(const BridgeConfig& config, bool internal = false) {
  return {config.name, internal, DeviceOf(config).gateways};
}

class IsolationTest : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    isolation_ = Isolation::Open(kTable).value();
    for (int i = 0; i < 2; ++i) bridges_.push_back(Bridge::Open(configs_[i]).value());
    for (int i = 0; i < 2; ++i) pods_.push_back(StartPod(*bridges_[i], {{kTcp, "", ports_[i], 80}}));
    neighbour_.emplace(StartPod(*bridges_[0]));
    outside_->Shell("ip route add 10.80.0.0/15 via 192.0.2.1");
  }

  // Calls port 80 of `server`. Returns the client's address as the server sees it, or the error.
  static std::string Reach(const NetNs& client, const Pod& server, int family) {
    const IpAddress& address = family == AF_INET ? server.ipv4() : server.ipv6();
    Endpoint endpoint = Serve(server.ns, kTcp, address, 80);
    return Call(client, kTcp, endpoint, address.ToString(), 80);
  }
  // A connection that is let through is there at once.
  static void ExpectCut(const NetNs& client, const std::string& address, uint16_t port) {
    client.Run([&] {
      IpAddress to = Ip(address);
      UniqueFd fd(socket(to.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      constexpr timeval kPatience{1, 0};
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
      sockaddr_in ipv4{};
      ipv4.sin_family = AF_INET;
      ipv4.sin_port = htons(port);
      std::copy_n(to.bytes.begin(), 4, reinterpret_cast<uint8_t*>(&ipv4.sin_addr));
      sockaddr_in6 ipv6{};
      ipv6.sin6_family = AF_INET6;
      ipv6.sin6_port = htons(port);
      std::copy_n(to.bytes.begin(), 16, reinterpret_cast<uint8_t*>(&ipv6.sin6_addr));
      int connected = to.family == AF_INET
                          ? connect(fd.get(), reinterpret_cast<sockaddr*>(&ipv4), sizeof ipv4)
                          : connect(fd.get(), reinterpret_cast<sockaddr*>(&ipv6), sizeof ipv6);
      EXPECT_LT(connected, 0) << address << ":" << port;
    });
  }
  static void ExpectCut(const NetNs& client, const Pod& server, int family) {
    const IpAddress& address = family == AF_INET ? server.ipv4() : server.ipv6();
    Endpoint endpoint = Serve(server.ns, kTcp, address, 80);
    ExpectCut(client, address.ToString(), 80);
  }

  const std::vector<BridgeConfig> configs_ = {Config(0), Config(1)};
  const std::vector<uint16_t> ports_ = {8080, 8081};
  std::unique_ptr<Isolation> isolation_;
  std::vector<std::unique_ptr<Bridge>> bridges_;
  std::vector<Pod> pods_;
  std::optional<Pod> neighbour_;
};

TEST_F(IsolationTest, PodsReachTheirOwnNetworkAndTheOutsideOnly) {
  EXPECT_EQ(Reach(pods_[1].ns, pods_[0], AF_INET), "10.80.0.1") << "before, with the host's address";
  ASSERT_TRUE(isolation_->Ensure({Of(configs_[0]), Of(configs_[1])}).value());
  for (int family : {AF_INET, AF_INET6}) {
    ExpectCut(pods_[1].ns, pods_[0], family);
    ExpectCut(pods_[0].ns, pods_[1], family);
    const IpAddress& own = family == AF_INET ? neighbour_->ipv4() : neighbour_->ipv6();
    EXPECT_EQ(Reach(neighbour_->ns, pods_[0], family), own.ToString());
  }
  Endpoint elsewhere = Serve(*outside_, kTcp, Ip("192.0.2.2"));
  EXPECT_EQ(Call(pods_[1].ns, kTcp, elsewhere, "192.0.2.2", elsewhere.port), kHostIpv4);
  EXPECT_EQ(Reach(*outside_, pods_[0], AF_INET), "192.0.2.2");
}

TEST_F(IsolationTest, PublishedPortsAreOpenToOtherNetworks) {
  ASSERT_TRUE(isolation_->Ensure({Of(configs_[0]), Of(configs_[1])}));
  Endpoint server = Serve(pods_[0].ns, kTcp, kAny4, 80);
  EXPECT_EQ(Call(pods_[1].ns, kTcp, server, kHostIpv4, 8080), "10.80.0.1");
}

TEST_F(IsolationTest, AnInternalNetworkHasNoWayOut) {
  ASSERT_TRUE(isolation_->Ensure({Of(configs_[0], /*internal=*/true), Of(configs_[1])}));
  const NetNs& pod = pods_[0].ns;
  Endpoint elsewhere = Serve(*outside_, kTcp, Ip("192.0.2.2"));
  ExpectCut(pod, "192.0.2.2", elsewhere.port);
  ExpectCut(*outside_, pods_[0], AF_INET);
  ExpectCut(pod, pods_[1], AF_INET6);
  {
    Endpoint other = Serve(pods_[1].ns, kTcp, kAny4, 80);
    ExpectCut(pod, kHostIpv4, 8081);
    Endpoint own = Serve(pod, kTcp, kAny4, 80);
    ExpectCut(pods_[1].ns, kHostIpv4, 8080);
  }
  Endpoint of_host = Serve(*host_, kTcp, kAny4);
  ExpectCut(pod, "10.80.0.1", of_host.port);
  ExpectCut(pod, kHostIpv4, of_host.port);

  for (int family : {AF_INET, AF_INET6}) {
    const IpAddress& own = family == AF_INET ? neighbour_->ipv4() : neighbour_->ipv6();
    EXPECT_EQ(Reach(neighbour_->ns, pods_[0], family), own.ToString()) << "its own network";
  }
  EXPECT_EQ(Reach(*host_, pods_[0], AF_INET), "10.80.0.1") << "the host reaches it";
}

TEST_F(IsolationTest, TheResponderOfAnInternalNetworkIsReachedAtItsGatewayAlone) {
  ASSERT_TRUE(isolation_->Ensure({Of(configs_[0], /*internal=*/true), Of(configs_[1])}));
  for (Protocol protocol : {kTcp, kUdp}) {
    Endpoint responder = Serve(*host_, protocol, Ip("10.80.0.1"), 53);
    EXPECT_EQ(Call(pods_[0].ns, protocol, responder, "10.80.0.1", 53), pods_[0].ipv4().ToString());
  }
  Endpoint responder = Serve(*host_, kTcp, Ip("fd00:80::1"), 53);
  EXPECT_EQ(Call(pods_[0].ns, kTcp, responder, "fd00:80::1", 53), pods_[0].ipv6().ToString());
  Endpoint another = Serve(*host_, kTcp, Ip(kHostIpv4), 53);
  ExpectCut(pods_[0].ns, kHostIpv4, 53);
}

TEST_F(IsolationTest, TheNumberOfRulesDoesNotDependOnThatOfNetworks) {
  auto rules = [&](int count) {
    std::vector<IsolatedNetwork> networks;
    for (int i = 0; i < count; ++i)
      networks.push_back({"br" + std::to_string(i), i % 2 == 0, {Ip("10.99." + std::to_string(i) + ".1")}});
    Result<bool> done = isolation_->Ensure(networks);
    EXPECT_TRUE(done) << done.error().ToString();
    return host_->Shell(std::string("nft -a list table inet ") + kTable + " | grep -c handle");
  };
  std::string of_two = rules(2);
  EXPECT_EQ(of_two, rules(200));
}

TEST_F(IsolationTest, IsMadeAgainWhenSomebodyHasChangedIt) {
  isolation_ = Isolation::Open(kTable, /*owned=*/false).value();
  const std::vector<IsolatedNetwork> networks = {Of(configs_[0]), Of(configs_[1])};
  EXPECT_TRUE(isolation_->Ensure(networks).value());
  EXPECT_FALSE(isolation_->Ensure(networks).value()) << "nothing to do";
  host_->Shell(std::string("nft flush table inet ") + kTable);
  EXPECT_TRUE(isolation_->Ensure(networks).value());
  host_->Shell(std::string("nft delete table inet ") + kTable);
  EXPECT_TRUE(isolation_->Ensure(networks).value());
  ExpectCut(pods_[1].ns, pods_[0], AF_INET);
  EXPECT_TRUE(isolation_->Ensure({Of(configs_[0])}).value()) << "one network needs no rules";
  EXPECT_FALSE(isolation_->Ensure({Of(configs_[0])}).value());
}

TEST_F(IsolationTest, IsTakenOverByTheNextProcess) {
  const std::vector<IsolatedNetwork> networks = {Of(configs_[0]), Of(configs_[1])};
  ASSERT_TRUE(isolation_->Ensure(networks));
  isolation_.reset();
  ExpectCut(pods_[1].ns, pods_[0], AF_INET);
  isolation_ = Isolation::Open(kTable).value();
  EXPECT_TRUE(isolation_->Ensure(networks).value());
  ExpectCut(pods_[1].ns, pods_[0], AF_INET);
}

TEST_F(IsolationTest, ATableOfSomebodyElseIsLeftAlone) {
  host_->Shell(std::string("nft add table inet ") + kTable);
  Result<bool> refused = isolation_->Ensure({Of(configs_[0]), Of(configs_[1])});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
}

}  // namespace
}  // namespace davit::cni
