// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/network_request.h"

#include <gtest/gtest.h>

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

v1::PodSandboxConfig WithPort(int32_t host, int32_t container, v1::Protocol protocol) {
  v1::PodSandboxConfig config;
  v1::PortMapping& port = *config.add_port_mappings();
  port.set_host_port(host);
  port.set_container_port(container);
  port.set_protocol(protocol);
  return config;
}

TEST(HostPorts, LeavesOutPortsThatAreOnlyDeclared) {
  EXPECT_TRUE(HostPorts(WithPort(0, 80, v1::TCP))->empty());
  auto ports = HostPorts(WithPort(8080, 80, v1::UDP));
  ASSERT_TRUE(ports);
  ASSERT_EQ(ports->size(), 1u);
  EXPECT_EQ(ports->front().host_port, 8080);
  EXPECT_EQ(ports->front().container_port, 80);
  EXPECT_EQ(ports->front().protocol, cni::Protocol::kUdp);
}

TEST(HostPorts, NamesWhatIsOutOfRange) {
  for (auto [host, container] : {std::pair{70000, 80}, {-1, 80}, {80, 0}, {80, 70000}}) {
    auto refused = HostPorts(WithPort(host, container, v1::TCP));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_NE(refused.error().ToString().find(std::to_string(host)), std::string::npos);
  }
  EXPECT_FALSE(HostPorts(WithPort(80, 80, static_cast<v1::Protocol>(9))));
}

TEST(HasOwnNetwork, OnlyNodeMeansTheHosts) {
  v1::PodSandboxConfig config;
  EXPECT_TRUE(HasOwnNetwork(config));
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(v1::NODE);
  EXPECT_FALSE(HasOwnNetwork(config));
}

TEST(PluginArguments, NameThePodAsOtherRuntimesDo) {
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name("web");
  config.mutable_metadata()->set_namespace_("shop");
  config.mutable_metadata()->set_uid("u1");
  std::vector<std::pair<std::string, std::string>> expected = {{"K8S_POD_NAMESPACE", "shop"},
                                                               {"K8S_POD_NAME", "web"},
                                                               {"K8S_POD_INFRA_CONTAINER_ID", "id1"},
                                                               {"K8S_POD_UID", "u1"}};
  EXPECT_EQ(PluginArguments(config, "id1", Owner::kCri), expected);
  EXPECT_TRUE(PluginArguments(config, "id1", Owner::kLocal).empty());
}

TEST(ParsePodCidr, TakesOneOrTwoFamiliesInAnyOrder) {
  EXPECT_TRUE(ParsePodCidr("")->empty());
  EXPECT_EQ(ParsePodCidr("10.1.0.0/24")->size(), 1u);
  EXPECT_EQ(*ParsePodCidr("fd00:1::/64,10.1.0.0/24"), *ParsePodCidr("10.1.0.0/24,fd00:1::/64"));
  for (const char* bad : {"10.1.0.0/24,10.2.0.0/24", "10.1.0.1/24", ",10.1.0.0/24", "pods"})
    EXPECT_FALSE(ParsePodCidr(bad)) << bad;
}

TEST(AddressListTest, IsReadAsItIsWritten) {
  std::vector<cni::IpAddress> addresses = ParseAddressList("10.0.0.7,fd00::7").value();
  EXPECT_EQ(addresses.size(), 2u);
  EXPECT_EQ(JoinAddresses(addresses), "10.0.0.7,fd00::7");
  EXPECT_TRUE(ParseAddressList("")->empty());
  EXPECT_FALSE(
      ParseAddressList("10.0.0.7,"
                       "ten"));
}

TEST(KernelFamiliesTest, ASubnetOfAFamilyThatTheKernelLacksIsLeftOut) {
  std::vector<cni::Subnet> both = ParsePodCidr("10.1.0.0/24,fd00:1::/64").value();
  EXPECT_EQ(OfKernelFamilies(both, /*kernel_has_ipv6=*/true), both);
  EXPECT_EQ(Join(OfKernelFamilies(both, /*kernel_has_ipv6=*/false)), "10.1.0.0/24");
  std::vector<cni::Subnet> ipv6 = ParsePodCidr("fd00:1::/64").value();
  EXPECT_EQ(OfKernelFamilies(ipv6, /*kernel_has_ipv6=*/false), ipv6)
      << "the kernel's own error says more than none";
}

}  // namespace
}  // namespace davit::cri
