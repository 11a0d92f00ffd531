// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "cli/port_choice.h"
#include "cli/port_spec.h"
#include "cli/quantity.h"
#include "cli/testing/test_support.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PortWish OnlyPort(const char* text) {
  std::vector<PortWish> wishes = ParsePortSpec(text).value();
  EXPECT_EQ(wishes.size(), 1u) << text;
  return wishes.front();
}

TEST(PortSpecTest, IsHostThenContainer) {
  PortWish wish = OnlyPort("8080:80");
  EXPECT_TRUE(wish.IsFixed());
  EXPECT_EQ(wish.first_host_port, 8080u);
  EXPECT_EQ(wish.container_port, 80u);
  EXPECT_EQ(wish.protocol, api::PortMapping::TCP);
  EXPECT_EQ(wish.host_ip, "");
}

TEST(PortSpecTest, MayNameAProtocol) {
  EXPECT_EQ(OnlyPort("53:53/udp").protocol, api::PortMapping::UDP);
  EXPECT_EQ(OnlyPort("53:53/sctp").protocol, api::PortMapping::SCTP);
}

TEST(PortSpecTest, MayNameAnAddress) {
  EXPECT_EQ(OnlyPort("127.0.0.1:8080:80").host_ip, "127.0.0.1");
  PortWish wish = OnlyPort("[::1]:8080:80/udp");
  EXPECT_EQ(wish.host_ip, "::1");
  EXPECT_EQ(wish.first_host_port, 8080u);
}

TEST(PortSpecTest, MayLeaveTheHostPortOpen) {
  for (const char* text : {"80", "127.0.0.1::80", "80/udp"}) {
    PortWish wish = OnlyPort(text);
    EXPECT_FALSE(wish.IsFixed()) << text;
    EXPECT_EQ(wish.first_host_port, 0u) << text;
    EXPECT_EQ(wish.container_port, 80u) << text;
  }
  EXPECT_EQ(OnlyPort("127.0.0.1::80").host_ip, "127.0.0.1");
  PortWish choice = OnlyPort("8000-8010:80");
  EXPECT_FALSE(choice.IsFixed());
  EXPECT_EQ(choice.first_host_port, 8000u);
  EXPECT_EQ(choice.last_host_port, 8010u);
}

TEST(PortSpecTest, RangesBelongTogetherInTheirOrder) {
  std::vector<PortWish> wishes = ParsePortSpec("127.0.0.1:8000-8002:80-82/udp").value();
  ASSERT_EQ(wishes.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(wishes[i].IsFixed());
    EXPECT_EQ(wishes[i].first_host_port, 8000 + i);
    EXPECT_EQ(wishes[i].container_port, 80 + i);
    EXPECT_EQ(wishes[i].protocol, api::PortMapping::UDP);
    EXPECT_EQ(wishes[i].host_ip, "127.0.0.1");
  }
  EXPECT_EQ(ParsePortSpec("3000-3005")->size(), 6u);
  EXPECT_THAT(ParsePortSpec("8000-8001:80-82").error().ToString(), HasSubstr("different sizes"));
  EXPECT_THAT(ParsePortSpec("1-65535:1-65535").error().ToString(), HasSubstr("at most 1000"));
}

TEST(PortSpecTest, RefusesAnythingElse) {
  for (const char* text : {"", ":80", "80:", "80:80/", "80:80/icmp", "0:80", "80:65536", "80:-1", "80:80x",
                           " 80:80", "host:80:80", "::1:80:80", "[127.0.0.1]:80:80", "1.2.3:80:80", ":80:80",
                           "+80:80", "82-80:80-82", "80-:80-81", "-80:80"}) {
    auto wishes = ParsePortSpec(text);
    ASSERT_FALSE(wishes) << text;
    EXPECT_EQ(wishes.error().code, Code::kInvalidArgument);
    EXPECT_EQ(wishes.error().subject, text);
  }
}

TEST(PortChoiceTest, GoesAroundTheRangeOnce) {
  EXPECT_EQ(FirstFreePort(10, 12, 11, [](uint32_t port) { return port != 11; }), 12u);
  EXPECT_EQ(FirstFreePort(10, 12, 12, [](uint32_t port) { return port == 10; }), 10u);
  EXPECT_EQ(FirstFreePort(10, 12, 11, [](uint32_t) { return false; }).error().code, Code::kResourceExhausted);
}

api::ContainerSpec Build(const RunOptions& options) {
  auto request = BuildCreateRequest(options);
  EXPECT_TRUE(request) << request.error().ToString();
  return request->spec();
}

TEST(RunConfigTest, HasAllThatWasWritten) {
  RunOptions options{.image = "busybox",
                     .command = {"echo", "hi"},
                     .name = "web",
                     .ports = {"8080:80"},
                     .volumes = {"/a:/b:ro"},
                     .mounts = {"type=bind,src=/c,dst=/d"},
                     .labels = {"k=v=w", "bare"},
                     .cap_add = {"NET_ADMIN"},
                     .cap_drop = {"ALL"},
                     .working_dir = "/tmp",
                     .user = "1:2",
                     .hostname = "host",
                     .memory = "64m",
                     .cpus = "1.5",
                     .pids_limit = 9,
                     .network = "none",
                     .restart = "on-failure:3",
                     .log_opts = {"max-size=10m", "max-file=3"},
                     .privileged = true,
                     .read_only = true,
                     .remove = true};
  EXPECT_EQ(BuildCreateRequest(options)->name(), "web");
  api::ContainerSpec spec = Build(options);
  EXPECT_EQ(spec.image(), "busybox");
  EXPECT_THAT(spec.command(), ElementsAre("echo", "hi"));
  EXPECT_THAT(spec.entrypoint(), IsEmpty());
  EXPECT_EQ(spec.ports(0).host_port(), 8080u);
  EXPECT_EQ(spec.mounts(0).source(), "/a");
  EXPECT_TRUE(spec.mounts(0).read_only());
  EXPECT_TRUE(spec.mounts(0).create_source());
  EXPECT_EQ(spec.mounts(1).target(), "/d");
  EXPECT_FALSE(spec.mounts(1).create_source());
  EXPECT_EQ(spec.labels().at("k"), "v=w");
  EXPECT_EQ(spec.labels().at("bare"), "");
  EXPECT_EQ(spec.memory_bytes(), 64 << 20);
  EXPECT_EQ(spec.nano_cpus(), 1'500'000'000);
  EXPECT_EQ(spec.pids_limit(), 9);
  EXPECT_EQ(spec.network(), api::ContainerSpec::NONE);
  EXPECT_EQ(spec.restart().when(), api::RestartPolicy::ON_FAILURE);
  EXPECT_EQ(spec.restart().max_retries(), 3u);
  EXPECT_TRUE(spec.privileged() && spec.read_only() && spec.auto_remove());
  EXPECT_EQ(spec.log().max_bytes(), 10 << 20);
  EXPECT_EQ(spec.log().max_files(), 3u);
}

TEST(RunConfigTest, ABadLogOptionShowsTheGrammar) {
  for (const char* option : {"max-file=0", "max-file=x", "max-file", "compress=true", ""}) {
    auto built = BuildCreateRequest({.image = "a", .log_opts = {option}});
    ASSERT_FALSE(built) << option;
    EXPECT_THAT(built.error().ToString(), ::testing::HasSubstr("write max-size=")) << option;
  }
  EXPECT_FALSE(BuildCreateRequest({.image = "a", .log_opts = {"max-size=big"}}));
}

TEST(RunConfigTest, HasTheConfinementThatWasWritten) {
  api::ContainerSpec spec =
      Build({.image = "a",
             .memory = "64m",
             .memory_swap = "128m",
             .cpuset_cpus = "0-3",
             .shm_size = "1m",
             .ulimits = {"nofile=64:128"},
             .groups = {"7", "0", "staff"},
             .dns = {"192.0.2.1"},
             .dns_searches = {"example.test"},
             .dns_options = {"ndots:2"},
             .sysctls = {"net.core.somaxconn=9"},
             .devices = {"/dev/fuse", "/dev/a:/dev/b", "/dev/c:r", "/dev/d:/dev/e:rw", "vendor.com/gpu=all"},
             .security = {"no-new-privileges", "seccomp=unconfined", "apparmor:mine"},
             .pid = "host",
             .ipc = "private",
             .stop_signal = "INT",
             .stop_timeout = 3});
  EXPECT_EQ(spec.memory_swap_bytes(), 128 << 20);
  EXPECT_EQ(spec.cpuset_cpus(), "0-3");
  EXPECT_THAT(spec.groups(), ElementsAre(7, 0));
  EXPECT_THAT(spec.group_names(), ElementsAre("staff"));
  EXPECT_EQ(spec.shm_bytes(), 1u << 20);
  EXPECT_THAT(spec.ulimits(), ElementsAre("nofile=64:128"));
  EXPECT_THAT(spec.dns_servers(), ElementsAre("192.0.2.1"));
  EXPECT_THAT(spec.dns_searches(), ElementsAre("example.test"));
  EXPECT_THAT(spec.dns_options(), ElementsAre("ndots:2"));
  EXPECT_EQ(spec.sysctls().at("net.core.somaxconn"), "9");
  ASSERT_EQ(spec.devices_size(), 4);
  EXPECT_EQ(spec.devices(0).host_path() + spec.devices(0).container_path(), "/dev/fuse");
  EXPECT_EQ(spec.devices(1).container_path(), "/dev/b");
  EXPECT_EQ(spec.devices(2).permissions(), "r");
  EXPECT_EQ(spec.devices(3).container_path() + " " + spec.devices(3).permissions(), "/dev/e rw");
  EXPECT_THAT(spec.cdi_devices(), ElementsAre("vendor.com/gpu=all"));
  EXPECT_TRUE(spec.no_new_privileges());
  EXPECT_EQ(spec.seccomp_profile(), "unconfined");
  EXPECT_EQ(spec.apparmor_profile(), "mine");
  EXPECT_EQ(spec.pid(), api::ContainerSpec::OF_HOST);
  EXPECT_EQ(spec.ipc(), api::ContainerSpec::OWN);
  EXPECT_EQ(spec.stop_signal(), 2);
  EXPECT_EQ(spec.stop_grace_seconds(), 3u);
  EXPECT_EQ(Build({.image = "a", .memory_swap = "-1"}).memory_swap_bytes(), -1);
  EXPECT_FALSE(Build({.image = "a"}).has_stop_grace_seconds());
  std::string here = std::filesystem::current_path();
  EXPECT_EQ(Build({.image = "a", .security = {"seccomp=p.json"}}).seccomp_profile(), here + "/p.json");
  EXPECT_FALSE(Build({.image = "a", .security = {"no-new-privileges:false"}}).no_new_privileges());
}

TEST(RunConfigTest, BadConfinementShowsTheGrammar) {
  auto error = [](const RunOptions& options) { return BuildCreateRequest(options).error().ToString(); };
  for (const char* bad : {"", "fuse", "dev/fuse", "/dev/a:b", "/dev/a:/dev/b:rx", "/dev/a:/dev/b:/dev/c"})
    EXPECT_THAT(error({.image = "a", .devices = {bad}}), HasSubstr("HOST_PATH[:CONTAINER_PATH][:rwm]"))
        << bad;
  for (const char* bad : {"", "seccomp", "apparmor=", "label=disable", "no-new-privileges=maybe"})
    EXPECT_THAT(error({.image = "a", .security = {bad}}), HasSubstr("no-new-privileges")) << bad;
  for (const char* bad : {"", "a:b", "-1", "4294967296"})
    EXPECT_THAT(error({.image = "a", .groups = {bad}}), HasSubstr("number of a group")) << bad;
  EXPECT_THAT(error({.image = "a", .ulimits = {"nofile"}}), HasSubstr("NAME=SOFT[:HARD]"));
  EXPECT_THAT(error({.image = "a", .shm_size = "big"}), HasSubstr("NUMBER[b|k|m|g]"));
  for (const char* bad : {"", "=1", "kernel.msgmax"})
    EXPECT_THAT(error({.image = "a", .sysctls = {bad}}), HasSubstr("NAME=VALUE")) << bad;
  for (const char* bad : {"container:web", "shareable"})
    EXPECT_THAT(error({.image = "a", .pid = bad}), HasSubstr("host or private")) << bad;
  EXPECT_THAT(error({.image = "a", .memory_swap = "-2"}), HasSubstr("NUMBER[b|k|m|g]"));
  EXPECT_THAT(error({.image = "a", .stop_signal = "STOPNOW"}), HasSubstr("is not a signal"));
}

TEST(RunConfigTest, AnEntrypointReplacesTheImagesAndAnEmptyOneTakesItAway) {
  EXPECT_THAT(
      Build({.image = "a", .command = {"-c"}, .has_entrypoint = true, .entrypoint = "sh"}).entrypoint(),
      ElementsAre("sh"));
  api::ContainerSpec spec = Build({.image = "a", .command = {"ls", "-l"}, .has_entrypoint = true});
  EXPECT_THAT(spec.entrypoint(), ElementsAre("ls", "-l"));
  EXPECT_THAT(spec.command(), IsEmpty());
  EXPECT_FALSE(BuildCreateRequest({.image = "a", .has_entrypoint = true}));
}

TEST(RunConfigTest, TakesVariablesFromFilesThenFromFlags) {
  TempDir dir;
  std::string path = dir.path() + "/env";
  std::ofstream(path) << "# a comment\n\nA=file\n  B=x=y\r\nDAVIT_TEST_HERE\nDAVIT_TEST_NOT_SET\n";
  setenv("DAVIT_TEST_HERE", "here", 1);
  unsetenv("DAVIT_TEST_NOT_SET");
  EXPECT_THAT(
      Build({.image = "a", .env = {"A=flag", "DAVIT_TEST_HERE", "DAVIT_TEST_NOT_SET"}, .env_files = {path}})
          .env(),
      ElementsAre("A=file", "B=x=y", "DAVIT_TEST_HERE=here", "A=flag", "DAVIT_TEST_HERE=here"));
  EXPECT_THAT(BuildCreateRequest({.image = "a", .env_files = {"/none"}}).error().ToString(),
              HasSubstr("/none"));
  for (const char* bad : {"", "=x"}) EXPECT_FALSE(BuildCreateRequest({.image = "a", .env = {bad}})) << bad;
  std::ofstream(path) << "\xef\xbb\xbf" << "FIRST=1\nA B=2\n";
  EXPECT_THAT(BuildCreateRequest({.image = "a", .env_files = {path}}).error().ToString(),
              HasSubstr("has no spaces"));
  std::ofstream(path) << "\xef\xbb\xbf" << "FIRST=1\n";
  EXPECT_THAT(Build({.image = "a", .env_files = {path}}).env(), ElementsAre("FIRST=1"));
  unsetenv("DAVIT_TEST_HERE");
}

TEST(RunConfigTest, TakesLabelsFromFilesAndThenFromFlags) {
  TempDir dir;
  std::string path = dir.path() + "/labels";
  std::ofstream(path) << "# a comment\na=file\n  b=with spaces = x\nbare\n";
  api::ContainerSpec spec = Build({.image = "a", .labels = {"a=flag"}, .label_files = {path}});
  EXPECT_EQ(spec.labels().at("a"), "flag");
  EXPECT_EQ(spec.labels().at("b"), "with spaces = x");
  EXPECT_EQ(spec.labels().at("bare"), "");
  std::ofstream(path) << "=x\n";
  EXPECT_THAT(BuildCreateRequest({.image = "a", .label_files = {path}}).error().ToString(),
              HasSubstr("--label-file " + path));
}

TEST(RunConfigTest, OnlyFixedPortsAreChosenAlready) {
  api::ContainerSpec spec = Build({.image = "a", .ports = {"8000-8001:80-81/udp", "90", "7000-7005:99"}});
  ASSERT_EQ(spec.ports_size(), 2);
  EXPECT_EQ(spec.ports(1).host_port(), 8001u);
  EXPECT_EQ(spec.ports(1).container_port(), 81u);
  EXPECT_EQ(spec.ports(1).protocol(), api::PortMapping::UDP);
}

TEST(RunConfigTest, TakesRestartPoliciesAndNetworks) {
  auto policy = [](const char* text) { return BuildCreateRequest({.image = "a", .restart = text}); };
  EXPECT_EQ(policy("no")->spec().restart().when(), api::RestartPolicy::NEVER);
  EXPECT_EQ(policy("always")->spec().restart().when(), api::RestartPolicy::ALWAYS);
  EXPECT_EQ(policy("unless-stopped")->spec().restart().when(), api::RestartPolicy::UNLESS_STOPPED);
  EXPECT_EQ(policy("on-failure")->spec().restart().max_retries(), 0u);
  for (const char* bad : {"sometimes", "always:3", "on-failure:", "on-failure:x"})
    EXPECT_THAT(policy(bad).error().ToString(), HasSubstr("on-failure[:RETRIES]")) << bad;
  EXPECT_EQ(Build({.image = "a", .network = "host"}).network(), api::ContainerSpec::HOST);
  EXPECT_THAT(BuildCreateRequest({.image = "a", .network = "container:x"}).error().ToString(),
              HasSubstr("not supported yet"));
}

TEST(RunConfigTest, ANetworkOfSomebodyIsGivenByItsName) {
  api::ContainerSpec spec = Build({.image = "a",
                                   .network = "back",
                                   .network_aliases = {"db", "db.main"},
                                   .ip = "10.89.0.9",
                                   .ip6 = "fd00::9"});
  EXPECT_EQ(spec.network(), api::ContainerSpec::USER);
  EXPECT_EQ(spec.network_name(), "back");
  EXPECT_THAT(spec.network_aliases(), testing::ElementsAre("db", "db.main"));
  EXPECT_THAT(spec.network_addresses(), testing::ElementsAre("10.89.0.9", "fd00::9"));
  EXPECT_THAT(BuildCreateRequest({.image = "a", .network_aliases = {"db"}}).error().ToString(),
              HasSubstr("davit network create"));
  EXPECT_THAT(BuildCreateRequest({.image = "a", .network = "name=back,alias=x"}).error().ToString(),
              HasSubstr("--network-alias"));
}

TEST(MountSpecTest, BadOnesShowTheGrammar) {
  for (const char* bad :
       {"data", "data:b", ":/b", "/a:b", "/a:/b:ro:x", "/a:/b:z", "/a:/b:nocopy", "data:/b:x"})
    EXPECT_THAT(BuildCreateRequest({.image = "a", .volumes = {bad}}).error().ToString(),
                HasSubstr("HOST_PATH:CONTAINER_PATH[:ro|rw]"))
        << bad;
  for (const char* bad :
       {"source=/a,target=/b", "type=volume,source=a", "type=bind,source=a,target=/b", "type=bind,target=/b",
        "type=bind,source=/a", "type=bind,source=/a,target=/b,bind-propagation=shared",
        "type=bind,source=/a,target=/b,volume-nocopy", "type=tmpfs,source=/a,target=/b",
        "type=tmpfs,target=/b,tmpfs-size=0", "type=tmpfs,target=/b,tmpfs-mode=8",
        "type=volume,target=/b,tmpfs-size=1m", "type=npipe,target=/b", "source=a,target=/b,readonly=x",
        "source=a,target=/b,volume-driver=nfs"})
    EXPECT_THAT(BuildCreateRequest({.image = "a", .mounts = {bad}}).error().ToString(),
                HasSubstr("type=bind,source=HOST_PATH"))
        << bad;
}

TEST(MountSpecTest, TmpfsHasTheOptionsOfMount) {
  api::ContainerSpec spec =
      Build({.image = "a",
             .mounts = {"type=tmpfs,dst=/d,tmpfs-size=1m,tmpfs-mode=700,ro"},
             .tmpfs = {"/a", "/b:size=64k,mode=0750,uid=7,gid=8,exec,suid,dev,ro", "/c:exec,noexec,rw"}});
  ASSERT_EQ(spec.tmpfs_size(), 4);
  EXPECT_EQ(spec.tmpfs(0).target(), "/d");
  EXPECT_EQ(spec.tmpfs(0).size_bytes(), 1u << 20);
  EXPECT_EQ(spec.tmpfs(0).mode(), 0700u);
  EXPECT_TRUE(spec.tmpfs(0).read_only());
  EXPECT_EQ(spec.tmpfs(1).target(), "/a");
  EXPECT_FALSE(spec.tmpfs(1).has_mode() || spec.tmpfs(1).exec() || spec.tmpfs(1).read_only());
  const api::TmpfsMount& all = spec.tmpfs(2);
  EXPECT_EQ(all.size_bytes(), 64u << 10);
  EXPECT_EQ(all.mode(), 0750u);
  EXPECT_EQ(all.uid(), 7u);
  EXPECT_EQ(all.gid(), 8u);
  EXPECT_TRUE(all.exec() && all.suid() && all.dev() && all.read_only());
  EXPECT_FALSE(spec.tmpfs(3).exec());
  for (const char* bad : {"", "a", "/a:size=0", "/a:size=x", "/a:mode=9", "/a:mode=10000", "/a:uid=-1",
                          "/a:uid=x", "/a:huge=always", "/a:nothing", "/a:size"})
    EXPECT_THAT(BuildCreateRequest({.image = "a", .tmpfs = {bad}}).error().ToString(),
                HasSubstr("CONTAINER_PATH[:OPTION,...]"))
        << bad;
}

TEST(MountSpecTest, VolumesFromNamesContainers) {
  api::ContainerSpec spec = Build({.image = "a", .volumes_from = {"web", "db:ro", "x:rw"}});
  ASSERT_EQ(spec.volumes_from_size(), 3);
  EXPECT_EQ(spec.volumes_from(0).container(), "web");
  EXPECT_FALSE(spec.volumes_from(0).read_only());
  EXPECT_EQ(spec.volumes_from(1).container(), "db");
  EXPECT_TRUE(spec.volumes_from(1).read_only());
  EXPECT_FALSE(spec.volumes_from(2).read_only());
  for (const char* bad : {"", ":ro", "web:z", "web:ro:ro", "web:"})
    EXPECT_THAT(BuildCreateRequest({.image = "a", .volumes_from = {bad}}).error().ToString(),
                HasSubstr("CONTAINER[:ro|rw]"))
        << bad;
}

TEST(MountSpecTest, VolumesHaveNamesOrNone) {
  api::ContainerSpec spec =
      Build({.image = "a",
             .volumes = {"data:/b", "/anonymous", "data:/c:ro,nocopy"},
             .mounts = {"source=data,target=/d,volume-nocopy,readonly", "type=volume,dst=/e",
                        "type=volume,src=x,dst=/f,volume-nocopy=false,volume-driver=local"}});
  EXPECT_THAT(spec.mounts(), IsEmpty());
  ASSERT_EQ(spec.volumes_size(), 6);
  EXPECT_EQ(spec.volumes(0).volume(), "data");
  EXPECT_EQ(spec.volumes(0).target(), "/b");
  EXPECT_FALSE(spec.volumes(0).read_only() || spec.volumes(0).no_copy());
  EXPECT_EQ(spec.volumes(1).volume(), "");
  EXPECT_EQ(spec.volumes(1).target(), "/anonymous");
  EXPECT_TRUE(spec.volumes(2).read_only() && spec.volumes(2).no_copy());
  EXPECT_TRUE(spec.volumes(3).read_only() && spec.volumes(3).no_copy());
  EXPECT_EQ(spec.volumes(4).volume(), "");
  EXPECT_FALSE(spec.volumes(5).no_copy());
}

TEST(MountSpecTest, ARelativePathIsOneOfTheWorkingDirectory) {
  std::string here = std::filesystem::current_path();
  EXPECT_EQ(Build({.image = "a", .volumes = {"./x:/b"}}).mounts(0).source(), here + "/x");
}

TEST(QuantityTest, TakesUnits) {
  EXPECT_EQ(ParseBytes("512"), 512);
  EXPECT_EQ(ParseBytes("512m"), 512 << 20);
  EXPECT_EQ(ParseBytes("1.5G"), int64_t{3} << 29);
  EXPECT_EQ(ParseBytes("64MB"), 64 << 20);
  EXPECT_EQ(ParseBytes("7b"), 7);
  for (const char* bad : {"", "m", "-1m", "1x", "1 m", "1e3", "9999999999g"})
    EXPECT_FALSE(ParseBytes(bad)) << bad;
  EXPECT_EQ(ParseCpus("0.01"), 10'000'000);
  for (const char* bad : {"", "-1", "two", "1,5"}) EXPECT_FALSE(ParseCpus(bad)) << bad;
}

TEST(QuantityTest, TakesSignalsByNameAndNumber) {
  for (const char* kill : {"9", "KILL", "SIGKILL", "kill"}) EXPECT_EQ(ParseSignal(kill), 9) << kill;
  for (const char* bad : {"", "0", "65", "-9", "NOPE", "SIG"}) EXPECT_FALSE(ParseSignal(bad)) << bad;
}

}  // namespace
}  // namespace davit::cli
