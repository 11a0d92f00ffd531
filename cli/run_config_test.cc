// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "cli/port_spec.h"

namespace davit::cli {
namespace {

namespace v1 = ::runtime::v1;

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PortSpecTest, IsHostThenContainer) {
  v1::PortMapping mapping = ParsePortSpec("8080:80").value();
  EXPECT_EQ(mapping.host_port(), 8080);
  EXPECT_EQ(mapping.container_port(), 80);
  EXPECT_EQ(mapping.protocol(), v1::TCP);
  EXPECT_EQ(mapping.host_ip(), "");
}

TEST(PortSpecTest, MayNameAProtocol) {
  EXPECT_EQ(ParsePortSpec("53:53/udp")->protocol(), v1::UDP);
  EXPECT_EQ(ParsePortSpec("53:53/sctp")->protocol(), v1::SCTP);
}

TEST(PortSpecTest, MayNameAnAddress) {
  EXPECT_EQ(ParsePortSpec("127.0.0.1:8080:80")->host_ip(), "127.0.0.1");
  v1::PortMapping mapping = ParsePortSpec("[::1]:8080:80/udp").value();
  EXPECT_EQ(mapping.host_ip(), "::1");
  EXPECT_EQ(mapping.host_port(), 8080);
}

TEST(PortSpecTest, RefusesAnythingElse) {
  for (const char* text :
       {"", "80", ":80", "80:", "80:80/", "80:80/icmp", "0:80", "80:65536", "80:-1", "80:80x", " 80:80",
        "host:80:80", "::1:80:80", "[127.0.0.1]:80:80", "1.2.3:80:80", ":80:80", "+80:80"}) {
    auto mapping = ParsePortSpec(text);
    ASSERT_FALSE(mapping) << text;
    EXPECT_EQ(mapping.error().code, Code::kInvalidArgument);
    EXPECT_EQ(mapping.error().subject, text);
  }
}

constexpr char kRunId[] = "3fa2c10000000000000000000000000000000000000000000000000000000000";

RunConfig Build(const RunOptions& options) {
  return BuildRunConfig(options, kRunId).value();
}

TEST(RunConfigTest, MakesANameFromTheImage) {
  auto name = [](const std::string& image) { return Build({.image = image}).pod.metadata().name(); };
  EXPECT_EQ(name("busybox"), "busybox-3fa2c1");
  EXPECT_EQ(name("registry:5000/team/web_app:1.2"), "web-app-3fa2c1");
  EXPECT_EQ(name("busybox@sha256:0123"), "busybox-3fa2c1");
  EXPECT_EQ(name("sha256:0123"), "sha256-3fa2c1");
}

TEST(RunConfigTest, ContainerAndPodShareTheName) {
  RunConfig config = Build({.image = "busybox", .name = "Web_1", .log_root = "/logs"});
  EXPECT_EQ(config.pod.metadata().name(), "Web_1");
  EXPECT_EQ(config.container.metadata().name(), "Web_1");
  EXPECT_EQ(config.pod.hostname(), "web-1");
  EXPECT_EQ(config.pod.log_directory(), "/logs/Web_1");
  EXPECT_EQ(config.container.log_path(), "Web_1.log");
}

TEST(RunConfigTest, TwoRunsOfOneNameDifferInConfigurationOnly) {
  RunOptions options{.image = "busybox", .name = "web"};
  v1::PodSandboxConfig first = BuildRunConfig(options, "1").value().pod;
  v1::PodSandboxConfig second = BuildRunConfig(options, "2").value().pod;
  EXPECT_EQ(first.metadata().SerializeAsString(), second.metadata().SerializeAsString());
  EXPECT_NE(first.annotations().at("io.davit.run-id"), second.annotations().at("io.davit.run-id"));
}

TEST(RunConfigTest, RefusesNamesThatAreNoPathComponent) {
  for (const char* name : {"a/b", "..", ".a", "-a", "a-", "a b", "é", "a\n"}) {
    auto config = BuildRunConfig({.image = "busybox", .name = name}, kRunId);
    ASSERT_FALSE(config) << name;
    EXPECT_EQ(config.error().subject, name);
  }
  EXPECT_FALSE(BuildRunConfig({.image = "busybox", .name = std::string(64, 'a')}, kRunId));
}

TEST(RunConfigTest, WordsAfterTheImageReplaceItsArguments) {
  RunConfig config = Build({.image = "busybox", .command = {"sh", "-c", "exit 3"}});
  EXPECT_THAT(config.container.args(), ElementsAre("sh", "-c", "exit 3"));
  EXPECT_EQ(config.container.command_size(), 0);
}

TEST(RunConfigTest, TakesVariablesFromTheLineOrFromTheEnvironment) {
  setenv("DAVIT_TEST_VARIABLE", "from outside", 1);
  RunConfig config = Build({.image = "busybox", .env = {"A=b=c", "EMPTY=", "DAVIT_TEST_VARIABLE"}});
  unsetenv("DAVIT_TEST_VARIABLE");
  ASSERT_EQ(config.container.envs_size(), 3);
  EXPECT_EQ(config.container.envs(0).key(), "A");
  EXPECT_EQ(config.container.envs(0).value(), "b=c");
  EXPECT_EQ(config.container.envs(1).value(), "");
  EXPECT_EQ(config.container.envs(2).value(), "from outside");
}

TEST(RunConfigTest, RefusesVariablesWithoutNameOrValue) {
  EXPECT_FALSE(BuildRunConfig({.image = "busybox", .env = {"=x"}}, kRunId));
  auto unset = BuildRunConfig({.image = "busybox", .env = {"DAVIT_TEST_UNSET"}}, kRunId);
  ASSERT_FALSE(unset);
  EXPECT_THAT(unset.error().ToString(), HasSubstr("DAVIT_TEST_UNSET"));
}

TEST(RunConfigTest, ConfinesTheContainer) {
  v1::LinuxContainerSecurityContext security =
      Build({.image = "busybox"}).container.linux().security_context();
  EXPECT_TRUE(security.has_seccomp());
  EXPECT_EQ(security.seccomp().profile_type(), v1::SecurityProfile::RuntimeDefault);
  EXPECT_EQ(security.namespace_options().pid(), v1::CONTAINER);
  EXPECT_EQ(security.namespace_options().network(), v1::POD);
  EXPECT_THAT(security.masked_paths(), ::testing::Contains("/proc/kcore"));
  EXPECT_THAT(security.readonly_paths(), ::testing::Contains("/proc/sys"));
  EXPECT_FALSE(security.privileged());
}

TEST(RunConfigTest, RefusesToRemoveWhatItDoesNotWaitFor) {
  EXPECT_FALSE(BuildRunConfig({.image = "busybox", .remove = true, .detach = true}, kRunId));
}

TEST(RunConfigTest, RefusesARelativeLogDirectory) {
  EXPECT_FALSE(BuildRunConfig({.image = "busybox", .log_root = "logs"}, kRunId));
}

}  // namespace
}  // namespace davit::cli
