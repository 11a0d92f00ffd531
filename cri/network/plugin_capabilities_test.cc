// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/plugin_capabilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;
using Json = nlohmann::json;
using ::testing::IsEmpty;

Json ArgumentsFor(const v1::PodSandboxConfig& config) {
  Json all = Json::object();
  const cni::CapabilityArguments arguments = PluginCapabilities(config).value();
  for (const auto& [name, value] : arguments) all[name] = Json::parse(value);
  return all;
}

TEST(PluginCapabilities, AreWhatThePodHas) {
  v1::PodSandboxConfig config;
  v1::PortMapping& port = *config.add_port_mappings();
  port.set_protocol(v1::UDP);
  port.set_host_ip("127.0.0.1");
  port.set_host_port(53);
  port.set_container_port(5353);
  config.mutable_dns_config()->add_servers("10.96.0.10");
  config.mutable_dns_config()->add_searches("cluster.local");
  config.mutable_dns_config()->add_options("ndots:5");
  config.mutable_linux()->set_cgroup_parent("/kubepods/pod1");
  (*config.mutable_annotations())["kubernetes.io/ingress-bandwidth"] = "10M";
  (*config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = "1M";
  EXPECT_EQ(ArgumentsFor(config), Json::parse(R"({
    "portMappings": [{"hostPort": 53, "containerPort": 5353, "protocol": "udp", "hostIP": "127.0.0.1"}],
    "dns": {"servers": ["10.96.0.10"], "searches": ["cluster.local"], "options": ["ndots:5"]},
    "cgroupPath": "/kubepods/pod1",
    "bandwidth": {"ingressRate": 10000000, "ingressBurst": 4294967295,
                  "egressRate": 1000000, "egressBurst": 4294967295},
    "io.kubernetes.cri.pod-annotations": {"kubernetes.io/ingress-bandwidth": "10M",
                                          "kubernetes.io/egress-bandwidth": "1M"}})"));
}

TEST(PluginCapabilities, OfAPodWithoutAnythingAreNone) {
  EXPECT_THAT(PluginCapabilities({}).value(), IsEmpty());
}

TEST(PluginCapabilities, AnInvalidValueIsAnError) {
  v1::PodSandboxConfig config;
  (*config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = "fast";
  EXPECT_EQ(PluginCapabilities(config).error().code, Code::kInvalidArgument);
}

TEST(PluginCapabilities, TextsThatAreNotUtf8StayJson) {
  v1::PodSandboxConfig config;
  (*config.mutable_annotations())["a\xff"] = "\xfe\"";
  EXPECT_TRUE(ArgumentsFor(config).contains("io.kubernetes.cri.pod-annotations"));
}

}  // namespace
}  // namespace davit::cri
