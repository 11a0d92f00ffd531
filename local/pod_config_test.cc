// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/pod_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/mount.h>
#include <sys/resource.h>

#include "cri/spec/sandbox_plan.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;
using ::davit::v1::BindMount;
using ::davit::v1::ContainerSpec;
using ::davit::v1::PortMapping;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LocalRecord Record() {
  LocalRecord record;
  record.id = std::string(64, 'a');
  record.name = "web";
  record.image_id = "sha256:1";
  record.run = 3;
  return record;
}

TEST(BuildPodRequest, SaysWhichSourcesMustExistAndWhatTheLayerIsFor) {
  ContainerSpec spec;
  for (bool create : {true, false}) {
    BindMount& mount = *spec.add_mounts();
    mount.set_source("/srv");
    mount.set_target(create ? "/made" : "/required");
    mount.set_create_source(create);
  }
  PodRequest request = BuildPodRequest(spec, Record(), "/dir").value();
  EXPECT_THAT(request.extras.required_sources, ElementsAre("/required"));
  EXPECT_EQ(request.extras.kept_layer->id, Record().id);
  EXPECT_EQ(request.extras.kept_layer->life, snapshotter::LayerLife::kDurable);
  spec.set_auto_remove(true);
  EXPECT_EQ(BuildPodRequest(spec, Record(), "/dir")->extras.kept_layer->life,
            snapshotter::LayerLife::kOneBoot);
}

TEST(PodRequest, OfAPlainSpecIsIsolated) {
  PodRequest request = BuildPodRequest(ContainerSpec(), Record(), "/var/lib/davit/local/a").value();
  EXPECT_TRUE(cri::ValidateSandboxConfig(request.pod));
  EXPECT_EQ(request.pod.metadata().name(), "web");
  EXPECT_EQ(request.pod.metadata().uid(), Record().id);
  EXPECT_EQ(request.pod.metadata().attempt(), 3u);
  EXPECT_EQ(request.pod.hostname(), std::string(12, 'a'));
  EXPECT_EQ(request.pod.log_directory(), "/var/lib/davit/local/a");
  EXPECT_EQ(request.container.log_path(), kLogName);
  EXPECT_EQ(request.container.image().image(), "sha256:1");
  const v1::LinuxContainerSecurityContext& security = request.container.linux().security_context();
  EXPECT_EQ(security.namespace_options().network(), v1::POD);
  EXPECT_EQ(security.namespace_options().pid(), v1::CONTAINER);
  EXPECT_EQ(security.seccomp().profile_type(), v1::SecurityProfile::RuntimeDefault);
  EXPECT_FALSE(security.privileged());
  EXPECT_EQ(request.network.use, cri::NetworkUse::kAttached);
}

TEST(PodRequest, HasAllOfTheSpec) {
  ContainerSpec spec;
  spec.set_image("busybox");
  spec.add_entrypoint("sh");
  spec.add_command("-c");
  spec.add_env("A=b=c");
  spec.set_working_dir("/tmp");
  spec.set_user("1000:100");
  spec.set_hostname("host");
  (*spec.mutable_labels())["k"] = "v";
  PortMapping& port = *spec.add_ports();
  port.set_host_ip("127.0.0.1");
  port.set_host_port(8080);
  port.set_container_port(80);
  port.set_protocol(PortMapping::UDP);
  BindMount& mount = *spec.add_mounts();
  mount.set_source("/src");
  mount.set_target("/dst");
  mount.set_read_only(true);
  spec.set_memory_bytes(64 << 20);
  spec.set_nano_cpus(1'500'000'000);
  spec.set_pids_limit(7);
  spec.set_cpu_shares(512);
  spec.add_cap_add("NET_ADMIN");
  spec.add_cap_drop("ALL");
  spec.set_privileged(true);
  spec.set_read_only(true);
  spec.set_tty(true);
  spec.set_open_stdin(true);
  spec.set_stdin_once(true);

  PodRequest request = BuildPodRequest(spec, Record(), "/d").value();
  EXPECT_EQ(request.pod.hostname(), "host");
  ASSERT_EQ(request.pod.port_mappings_size(), 1);
  EXPECT_EQ(request.pod.port_mappings(0).host_ip(), "127.0.0.1");
  EXPECT_EQ(request.pod.port_mappings(0).host_port(), 8080);
  EXPECT_EQ(request.pod.port_mappings(0).container_port(), 80);
  EXPECT_EQ(request.pod.port_mappings(0).protocol(), v1::UDP);
  EXPECT_TRUE(request.pod.linux().security_context().privileged());
  const v1::ContainerConfig& container = request.container;
  EXPECT_THAT(container.command(), ElementsAre("sh"));
  EXPECT_THAT(container.args(), ElementsAre("-c"));
  EXPECT_EQ(container.envs(0).key(), "A");
  EXPECT_EQ(container.envs(0).value(), "b=c");
  EXPECT_EQ(container.working_dir(), "/tmp");
  EXPECT_TRUE(container.tty() && container.stdin() && container.stdin_once());
  EXPECT_EQ(container.labels().at("k"), "v");
  EXPECT_EQ(container.mounts(0).host_path(), "/src");
  EXPECT_EQ(container.mounts(0).container_path(), "/dst");
  EXPECT_TRUE(container.mounts(0).readonly());
  EXPECT_EQ(container.linux().resources().memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(container.linux().resources().cpu_period(), 100'000);
  EXPECT_EQ(container.linux().resources().cpu_quota(), 150'000);
  EXPECT_EQ(container.linux().resources().cpu_shares(), 512);
  EXPECT_EQ(container.linux().resources().unified().at("pids.max"), "7");
  const v1::LinuxContainerSecurityContext& security = container.linux().security_context();
  EXPECT_EQ(security.run_as_user().value(), 1000);
  EXPECT_EQ(security.run_as_group().value(), 100);
  EXPECT_THAT(security.capabilities().add_capabilities(), ElementsAre("NET_ADMIN"));
  EXPECT_THAT(security.capabilities().drop_capabilities(), ElementsAre("ALL"));
  EXPECT_TRUE(security.privileged());
  EXPECT_TRUE(security.readonly_rootfs());
}

TEST(PodRequest, HasTheConfinementOfTheSpec) {
  ContainerSpec spec;
  spec.set_memory_bytes(64 << 20);
  spec.set_memory_swap_bytes(128 << 20);
  spec.set_cpuset_cpus("0-3");
  spec.add_groups(7);
  spec.add_group_names("staff");
  spec.set_user("app:web");
  spec.add_ulimits("nofile=64:128");
  spec.add_ulimits("core=-1");
  spec.add_dns_servers("192.0.2.1");
  spec.add_dns_searches("example.test");
  spec.add_dns_options("ndots:2");
  (*spec.mutable_sysctls())["net.core.somaxconn"] = "9";
  spec.add_devices()->set_host_path("/dev/fuse");
  spec.mutable_devices(0)->set_container_path("/dev/f");
  spec.mutable_devices(0)->set_permissions("r");
  spec.add_cdi_devices("vendor.com/gpu=all");
  spec.set_pid(ContainerSpec::OF_HOST);
  spec.set_ipc(ContainerSpec::OF_HOST);
  spec.set_no_new_privileges(true);
  spec.set_seccomp_profile("/p.json");
  spec.set_apparmor_profile("unconfined");
  spec.set_stop_signal(2);

  PodRequest request = BuildPodRequest(spec, Record(), "/d").value();
  EXPECT_TRUE(cri::ValidateSandboxConfig(request.pod));
  EXPECT_THAT(request.pod.dns_config().servers(), ElementsAre("192.0.2.1"));
  EXPECT_THAT(request.pod.dns_config().searches(), ElementsAre("example.test"));
  EXPECT_THAT(request.pod.dns_config().options(), ElementsAre("ndots:2"));
  EXPECT_EQ(request.pod.linux().sysctls().at("net.core.somaxconn"), "9");
  EXPECT_EQ(request.pod.linux().security_context().namespace_options().ipc(), v1::NODE);
  const v1::ContainerConfig& container = request.container;
  EXPECT_EQ(container.devices(0).host_path(), "/dev/fuse");
  EXPECT_EQ(container.devices(0).container_path(), "/dev/f");
  EXPECT_EQ(container.devices(0).permissions(), "r");
  EXPECT_EQ(container.cdi_devices(0).name(), "vendor.com/gpu=all");
  EXPECT_EQ(container.stop_signal(), v1::SIGNAL_SIGINT);
  EXPECT_EQ(container.linux().resources().memory_swap_limit_in_bytes(), 128 << 20);
  EXPECT_EQ(container.linux().resources().cpuset_cpus(), "0-3");
  const v1::LinuxContainerSecurityContext& security = container.linux().security_context();
  EXPECT_EQ(security.namespace_options().pid(), v1::NODE);
  EXPECT_THAT(security.supplemental_groups(), ElementsAre(7));
  EXPECT_EQ(security.run_as_username(), "app");
  EXPECT_FALSE(security.has_run_as_group());
  EXPECT_EQ(request.extras.groups.primary, "web");
  EXPECT_THAT(request.extras.groups.supplementary, ElementsAre("staff"));
  ASSERT_EQ(request.extras.rlimits.size(), 2u);
  EXPECT_EQ(request.extras.rlimits[0].resource, static_cast<uint32_t>(RLIMIT_NOFILE));
  EXPECT_EQ(request.extras.rlimits[0].soft, 64u);
  EXPECT_EQ(request.extras.rlimits[0].hard, 128u);
  EXPECT_EQ(request.extras.rlimits[1].hard, RLIM_INFINITY);
  EXPECT_TRUE(security.no_new_privs());
  EXPECT_EQ(security.seccomp().profile_type(), v1::SecurityProfile::Localhost);
  EXPECT_EQ(security.seccomp().localhost_ref(), "/p.json");
  EXPECT_EQ(security.apparmor().profile_type(), v1::SecurityProfile::Unconfined);
  EXPECT_FALSE(BuildPodRequest(ContainerSpec(), Record(), "/d")->pod.has_dns_config()) << "the host's";
}

TEST(PodRequest, RefusesLimitsAndUsersThatMeanNothing) {
  auto error = [](const ContainerSpec& spec) {
    return BuildPodRequest(spec, Record(), "/d").error().ToString();
  };
  ContainerSpec limits;
  limits.add_ulimits("nofiles=1");
  EXPECT_THAT(error(limits), HasSubstr("nofiles=1"));
  ContainerSpec user;
  user.set_user("app:");
  EXPECT_THAT(error(user), HasSubstr("no group after the colon"));
}

TEST(PodRequest, MountsVolumesAfterBinds) {
  ContainerSpec spec;
  spec.add_mounts()->set_source("/srv");
  std::vector<VolumeBind> volumes = {{"/volumes/data", "/data", /*read_only=*/true},
                                     {"/volumes/cache", "/cache"}};
  PodRequest request = BuildPodRequest(spec, Record(), "/d", volumes).value();
  ASSERT_EQ(request.container.mounts_size(), 3);
  EXPECT_EQ(request.container.mounts(0).host_path(), "/srv");
  EXPECT_EQ(request.container.mounts(1).host_path(), "/volumes/data");
  EXPECT_EQ(request.container.mounts(1).container_path(), "/data");
  EXPECT_TRUE(request.container.mounts(1).readonly());
  EXPECT_FALSE(request.container.mounts(2).readonly());
  EXPECT_TRUE(request.extras.required_sources.contains("/data"));
}

TEST(PodRequest, ATmpfsIsInertUnlessItIsToBeOtherwise) {
  ContainerSpec spec;
  spec.add_tmpfs()->set_target("/plain");
  ::davit::v1::TmpfsMount& all = *spec.add_tmpfs();
  all.set_target("/all");
  all.set_size_bytes(4096);
  all.set_mode(0);
  all.set_uid(7);
  all.set_gid(8);
  all.set_exec(true);
  all.set_suid(true);
  all.set_dev(true);
  all.set_read_only(true);
  std::vector<cri::TmpfsRequest> tmpfs = BuildPodRequest(spec, Record(), "/d")->extras.tmpfs;
  ASSERT_EQ(tmpfs.size(), 2u);
  EXPECT_EQ(tmpfs[0].target, "/plain");
  EXPECT_EQ(tmpfs[0].options, "mode=1777");
  EXPECT_EQ(tmpfs[0].attributes,
            static_cast<uint64_t>(MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  EXPECT_EQ(tmpfs[1].options, "mode=0,size=4096,uid=7,gid=8");
  EXPECT_EQ(tmpfs[1].attributes, static_cast<uint64_t>(MOUNT_ATTR_RDONLY));
}

TEST(PodRequest, ChoosesTheNetwork) {
  ContainerSpec spec;
  spec.set_network(ContainerSpec::HOST);
  PodRequest host = BuildPodRequest(spec, Record(), "/d").value();
  EXPECT_EQ(host.pod.linux().security_context().namespace_options().network(), v1::NODE);
  spec.set_network(ContainerSpec::NONE);
  PodRequest none = BuildPodRequest(spec, Record(), "/d").value();
  EXPECT_EQ(none.pod.linux().security_context().namespace_options().network(), v1::POD);
  EXPECT_EQ(none.network.use, cri::NetworkUse::kLoopbackOnly);
}

TEST(PodRequest, TakesUsersByNumberAndByName) {
  auto user = [](const char* text) {
    ContainerSpec spec;
    spec.set_user(text);
    return BuildPodRequest(spec, Record(), "/d");
  };
  EXPECT_EQ(user("www")->container.linux().security_context().run_as_username(), "www");
  EXPECT_EQ(user("www:7")->container.linux().security_context().run_as_group().value(), 7);
  EXPECT_EQ(user("www:staff")->extras.groups.primary, "staff");
  for (const char* bad : {":7", "1:"}) EXPECT_EQ(user(bad).error().code, Code::kInvalidArgument);
}

TEST(CommandLine, IsDockers) {
  images::ImageConfig image;
  image.entrypoint = {"entry"};
  image.cmd = {"cmd"};
  ContainerSpec spec;
  EXPECT_THAT(CommandLine(spec, image).value(), ElementsAre("entry", "cmd"));
  spec.add_command("mine");
  EXPECT_THAT(CommandLine(spec, image).value(), ElementsAre("entry", "mine"));
  spec.add_entrypoint("sh");
  EXPECT_THAT(CommandLine(spec, image).value(), ElementsAre("sh", "mine"));
  spec.clear_command();
  EXPECT_THAT(CommandLine(spec, image).value(), ElementsAre("sh")) << "the image's command goes, too";
  EXPECT_EQ(CommandLine(ContainerSpec(), images::ImageConfig()).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace davit::local
