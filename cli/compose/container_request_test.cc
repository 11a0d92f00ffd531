// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/container_request.h"

#include <gmock/gmock.h>

#include "cli/compose/labels.h"
#include "cli/compose/model/testing/text_project.h"

namespace davit::cli::compose {
namespace {

namespace api = ::davit::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

Result<api::CreateContainerRequest> Request(const std::string& web, ContainerParts parts = {}) {
  auto project = LoadText("services: {web: {image: a, " + web +
                          "}, db: {image: b}}\nvolumes: {data: }\nnetworks: {back: }\n");
  if (!project) return Fail(Code::kInvalidArgument, project.error().ToString(), "");
  parts.name = "shop-web-1";
  parts.image = "a";
  return RequestFor(*project, project->services.at("web"), parts);
}

api::ContainerSpec Spec(const std::string& web, ContainerParts parts = {}) {
  Result<api::CreateContainerRequest> request = Request(web, std::move(parts));
  EXPECT_TRUE(request) << request.error().ToString();
  return request ? request->spec() : api::ContainerSpec();
}

TEST(RequestFor, HasTheLabelsAndTheNetworkOfItsService) {
  api::ContainerSpec spec = Spec("labels: [own=1]", {.number = 2, .hash = "h"});
  EXPECT_EQ(spec.labels().at("own"), "1");
  EXPECT_EQ(spec.labels().at(kProjectLabel), "shop");
  EXPECT_EQ(spec.labels().at(kServiceLabel), "web");
  EXPECT_EQ(spec.labels().at(kNumberLabel), "2");
  EXPECT_EQ(spec.labels().at(kHashLabel), "h");
  EXPECT_EQ(spec.labels().at(kOneOffLabel), "False");
  EXPECT_EQ(spec.labels().at(kDirectoryLabel), "/p");
  EXPECT_EQ(spec.labels().at(kFilesLabel), "/p/compose.yaml");
  EXPECT_EQ(spec.network_name(), "shop_default");
  EXPECT_THAT(spec.network_aliases(), ElementsAre("web"));
}

TEST(RequestFor, TakesPlacesInNetworks) {
  api::ContainerSpec spec = Spec("networks: {back: {aliases: [www, web], ipv4_address: 10.1.2.3}}");
  EXPECT_EQ(spec.network_name(), "shop_back");
  EXPECT_THAT(spec.network_aliases(), ElementsAre("web", "www"));
  EXPECT_THAT(spec.network_addresses(), ElementsAre("10.1.2.3"));
  EXPECT_EQ(Spec("network_mode: host").network(), api::ContainerSpec::HOST);
  EXPECT_EQ(Spec("network_mode: none").network(), api::ContainerSpec::NONE);
}

TEST(RequestFor, MountsPathsVolumesAndMemory) {
  api::ContainerSpec spec = Spec(
      "volumes: ['./x:/x:ro', 'data:/d', /anon, {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]");
  ASSERT_EQ(spec.mounts_size(), 1);
  EXPECT_EQ(spec.mounts(0).source(), "/p/x");
  EXPECT_TRUE(spec.mounts(0).read_only());
  EXPECT_TRUE(spec.mounts(0).create_source());
  ASSERT_EQ(spec.volumes_size(), 2);
  EXPECT_EQ(spec.volumes(0).volume(), "shop_data");
  EXPECT_EQ(spec.volumes(1).volume(), "");
  ASSERT_EQ(spec.tmpfs_size(), 1);
  EXPECT_EQ(spec.tmpfs(0).size_bytes(), 1u << 20);
  EXPECT_EQ(spec.tmpfs(0).mode(), 0700u);
}

TEST(RequestFor, SecretsAreReadOnlyFiles) {
  api::ContainerSpec spec = Spec("tty: true", {.files = {{"/run/secrets/s", "/host/s"}}});
  ASSERT_EQ(spec.mounts_size(), 1);
  EXPECT_EQ(spec.mounts(0).target(), "/run/secrets/s");
  EXPECT_TRUE(spec.mounts(0).read_only());
  EXPECT_FALSE(spec.mounts(0).create_source());
}

TEST(RequestFor, CommandsReplaceTheImages) {
  api::ContainerSpec spec = Spec("command: echo a b, entrypoint: [/e, x]");
  EXPECT_THAT(spec.entrypoint(), ElementsAre("/e", "x"));
  EXPECT_THAT(spec.command(), ElementsAre("echo", "a", "b"));
  spec = Spec("entrypoint: [], command: [sh, -c, x]");
  EXPECT_THAT(spec.entrypoint(), ElementsAre("sh", "-c", "x")) << "without the image's entrypoint";
  EXPECT_EQ(spec.command_size(), 0);
}

TEST(RequestFor, HasLimitsAndConfinement) {
  api::ContainerSpec spec = Spec(
      "deploy: {resources: {limits: {memory: 64m, cpus: '0.5', pids: 9}}, restart_policy: {condition: "
      "on-failure, "
      "max_attempts: 3}}, cap_drop: [ALL], read_only: true, user: '5:6', sysctls: {net.core.somaxconn: 5}, "
      "security_opt: ['no-new-privileges:true'], stop_grace_period: 1m30s, stop_signal: SIGUSR1, "
      "environment: "
      "{A: 1, GONE: }");
  EXPECT_EQ(spec.memory_bytes(), 64 << 20);
  EXPECT_EQ(spec.nano_cpus(), 500'000'000);
  EXPECT_EQ(spec.pids_limit(), 9);
  EXPECT_EQ(spec.restart().when(), api::RestartPolicy::ON_FAILURE);
  EXPECT_EQ(spec.restart().max_retries(), 3u);
  EXPECT_THAT(spec.cap_drop(), ElementsAre("ALL"));
  EXPECT_TRUE(spec.read_only());
  EXPECT_EQ(spec.user(), "5:6");
  EXPECT_EQ(spec.sysctls().at("net.core.somaxconn"), "5");
  EXPECT_TRUE(spec.no_new_privileges());
  EXPECT_EQ(spec.stop_grace_seconds(), 90u);
  EXPECT_EQ(spec.stop_signal(), 10);
  EXPECT_THAT(spec.env(), ElementsAre("A=1"));
}

TEST(RequestFor, PublishesPortsUnlessItIsForOneCommand) {
  api::ContainerSpec spec = Spec("ports: ['127.0.0.1:8080:80', '53:53/udp']");
  ASSERT_EQ(spec.ports_size(), 2);
  EXPECT_EQ(spec.ports(0).host_ip(), "127.0.0.1");
  EXPECT_EQ(spec.ports(1).protocol(), api::PortMapping::UDP);
  spec = Spec("ports: ['8080:80']", {.publishes = false});
  EXPECT_EQ(spec.ports_size(), 0);
  EXPECT_EQ(spec.network_aliases_size(), 0);
}

TEST(RequestFor, NamesWhatNoContainerCanHave) {
  EXPECT_THAT(Request("ports: [80]").error().ToString(),
              AllOf(HasSubstr("services.web"), HasSubstr("write HOST_PORT:CONTAINER_PORT")));
  EXPECT_THAT(Request("platform: linux/s390x").error().ToString(), HasSubstr("the host's platform"));
  EXPECT_THAT(Request("restart: sometimes").error().ToString(), HasSubstr("unless-stopped"));
  EXPECT_THAT(Request("cap_add: [A], stop_signal: NOSUCH").error().ToString(), HasSubstr("is not a signal"));
}

}  // namespace
}  // namespace davit::cli::compose
