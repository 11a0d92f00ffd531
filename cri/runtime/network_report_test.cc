// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/network_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(NetworkReportTest, HasThePodsThatHaveAnAddressAndTheirPorts) {
  World world;
  v1::RunPodSandboxRequest request = world.SandboxRequest("web");
  v1::PortMapping& port = *request.mutable_config()->add_port_mappings();
  port.set_host_port(8080);
  port.set_container_port(80);
  Call call{MonotonicMilliseconds() + 10'000, Spans()};
  std::string id = world.runtime().sandboxes().Run(request, call)->pod_sandbox_id();
  std::string stopped = world.RunSandbox("stopped").value();
  ASSERT_TRUE(world.StopSandbox(stopped));
  ::davit::v1::NetworkStatusResponse status = world.runtime().network_report().Status().value();
  EXPECT_TRUE(status.ready());
  EXPECT_EQ(status.bridge().name(), "fake0");
  EXPECT_FALSE(status.bridge().open());
  ASSERT_EQ(status.pods_size(), 1);
  EXPECT_EQ(status.pods(0).id(), id);
  EXPECT_EQ(status.pods(0).name(), "web");
  EXPECT_GT(status.pods(0).since(), 0);
  EXPECT_THAT(status.pods(0).addresses(), ElementsAre("192.0.2.1"));
  EXPECT_EQ(status.pods(0).network(), "fake0");
  ASSERT_EQ(status.ports_size(), 1);
  EXPECT_EQ(status.ports(0).port(), 8080u);
  EXPECT_EQ(status.ports(0).address(), "0.0.0.0");
  EXPECT_EQ(status.ports(0).pod_name(), "web");
  ASSERT_TRUE(world.RemoveSandbox(stopped));
  ASSERT_TRUE(world.RemoveSandbox(id));
}

TEST(NetworkReportTest, SaysWhyTheNodeIsNotReady) {
  World world;
  world.network.SetHealth(Fail(Code::kUnavailable, "check", "network", "the bridge is gone"));
  ::davit::v1::NetworkStatusResponse status = world.runtime().network_report().Status().value();
  EXPECT_FALSE(status.ready());
  EXPECT_THAT(status.problem(), HasSubstr("the bridge is gone"));
  EXPECT_THAT(status.pods(), IsEmpty());
}

TEST(NetworkReportTest, APodOfPluginsHasTheirConfiguration) {
  World world;
  world.network.UsePlugins();
  std::string id = world.RunSandbox().value();
  ::davit::v1::NetworkStatusResponse status = world.runtime().network_report().Status().value();
  ASSERT_EQ(status.pods_size(), 1);
  EXPECT_EQ(status.pods(0).network(), "/etc/cni/net.d/10-fake.conflist");
  ASSERT_TRUE(world.StopSandbox(id));
  ASSERT_TRUE(world.RemoveSandbox(id));
}

}  // namespace
}  // namespace davit::cri
