// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/spec_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace davit::local {
namespace {

using ::davit::v1::BindMount;
using ::davit::v1::ContainerSpec;
using ::davit::v1::PortMapping;
using ::davit::v1::RestartPolicy;
using ::testing::HasSubstr;

ContainerSpec FullSpec() {
  ContainerSpec spec;
  spec.set_image("busybox");
  spec.add_env("A=b=c");
  spec.set_working_dir("/tmp");
  PortMapping& port = *spec.add_ports();
  port.set_host_port(80);
  port.set_container_port(65'535);
  BindMount& mount = *spec.add_mounts();
  mount.set_source("/");
  mount.set_target("/mnt");
  ::davit::v1::VolumeMount& volume = *spec.add_volumes();
  volume.set_volume("data");
  volume.set_target("/data");
  spec.add_volumes()->set_target("/anonymous");
  spec.set_memory_bytes(6 << 20);
  spec.set_nano_cpus(10'000'000);
  spec.set_pids_limit(-1);
  spec.set_memory_swap_bytes(-1);
  spec.add_devices()->set_host_path("/dev/fuse");
  spec.set_seccomp_profile("/etc/profile.json");
  spec.set_stop_signal(64);
  spec.mutable_restart()->set_when(RestartPolicy::ON_FAILURE);
  spec.mutable_restart()->set_max_retries(3);
  return spec;
}

TEST(CheckSpec, AcceptsWhatPeopleWrite) {
  Result<> checked = CheckSpec(FullSpec());
  EXPECT_TRUE(checked) << checked.error().ToString();
}

TEST(CheckSpec, QuotesNoVariable) {
  ContainerSpec spec = FullSpec();
  spec.add_env("hunter2");
  Result<> checked = CheckSpec(spec);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().ToString(),
              ::testing::AllOf(HasSubstr("entry 2"), ::testing::Not(HasSubstr("hunter2"))));
}

TEST(CheckCommandLine, LimitsWhatSpecAndImageHaveTogether) {
  EXPECT_TRUE(CheckCommandLine({"a", std::string(kMostSpecBytes - 3, 'b')}));
  EXPECT_FALSE(CheckCommandLine({"a", std::string(kMostSpecBytes - 2, 'b')}));
}

TEST(CheckSpec, NamesTheFieldThatIsWrong) {
  struct Case {
    const char* field;
    std::function<void(ContainerSpec&)> set;
  };
  const std::vector<Case> cases = {
      {"image", [](auto& s) { s.clear_image(); }},
      {"image", [](auto& s) { s.set_image(std::string(1025, 'a')); }},
      {"command", [](auto& s) { s.add_command(std::string(65'537, 'a')); }},
      {"entrypoint",
       [](auto& s) {
         for (int i = 0; i < 1001; ++i) s.add_entrypoint("a");
       }},
      {"spec",
       [](auto& s) {
         for (int i = 0; i < 17; ++i) s.add_command(std::string(65'000, 'a'));
       }},
      {"ports.host_ip", [](auto& s) { s.mutable_ports(0)->set_host_ip("localhost"); }},
      {"log.max_bytes", [](auto& s) { s.mutable_log()->set_max_bytes(4095); }},
      {"log.max_bytes", [](auto& s) { s.mutable_log()->set_max_bytes(-1); }},
      {"log.max_files", [](auto& s) { s.mutable_log()->set_max_files(101); }},
      {"env", [](auto& s) { s.add_env("A"); }},
      {"env", [](auto& s) { s.add_env("=b"); }},
      {"working_dir", [](auto& s) { s.set_working_dir("tmp"); }},
      {"stdin_once", [](auto& s) { s.set_stdin_once(true); }},
      {"labels", [](auto& s) { (*s.mutable_labels())[""] = "x"; }},
      {"ports", [](auto& s) { s.mutable_ports(0)->set_host_port(0); }},
      {"ports", [](auto& s) { s.mutable_ports(0)->set_container_port(65'536); }},
      {"ports", [](auto& s) { s.set_network(ContainerSpec::HOST); }},
      {"ports", [](auto& s) { s.set_network(ContainerSpec::NONE); }},
      {"network", [](auto& s) { s.set_network(static_cast<ContainerSpec::Network>(9)); }},
      {"mounts", [](auto& s) { s.mutable_mounts(0)->set_source("data"); }},
      {"mounts", [](auto& s) { s.mutable_mounts(0)->set_target("//"); }},
      {"volume", [](auto& s) { s.mutable_volumes(0)->set_volume("a/b"); }},
      {"volume", [](auto& s) { s.mutable_volumes(0)->set_volume(std::string(256, 'x')); }},
      {"volumes", [](auto& s) { s.mutable_volumes(0)->set_target("data"); }},
      {"volumes", [](auto& s) { s.mutable_volumes(1)->set_target("/"); }},
      {"volumes",
       [](auto& s) {
         for (int i = 0; i < 100; ++i) s.add_volumes()->set_target("/x");
       }},
      {"tmpfs", [](auto& s) { s.add_tmpfs()->set_target("t"); }},
      {"root", [](auto& s) { s.add_tmpfs()->set_target("//"); }},
      {"tmpfs",
       [](auto& s) {
         for (int i = 0; i < 101; ++i) s.add_tmpfs()->set_target("/" + std::to_string(i));
       }},
      {"tmpfs.mode",
       [](auto& s) {
         s.add_tmpfs()->set_target("/t");
         s.mutable_tmpfs(0)->set_mode(010000);
       }},
      {"tmpfs",
       [](auto& s) {
         s.add_tmpfs()->set_target("/t");
         s.mutable_tmpfs(0)->set_gid(0xffffffff);
       }},
      {"memory_bytes", [](auto& s) { s.set_memory_bytes(1); }},
      {"memory_bytes", [](auto& s) { s.set_memory_bytes(-1); }},
      {"nano_cpus", [](auto& s) { s.set_nano_cpus(1); }},
      {"pids_limit", [](auto& s) { s.set_pids_limit(-2); }},
      {"restart.max_retries", [](auto& s) { s.mutable_restart()->set_when(RestartPolicy::ALWAYS); }},
      {"memory_swap_bytes", [](auto& s) { s.set_memory_swap_bytes(1); }},
      {"memory_swap_bytes", [](auto& s) { s.set_memory_swap_bytes(-2); }},
      {"memory_swap_bytes",
       [](auto& s) {
         s.clear_memory_bytes();
         s.set_memory_swap_bytes(-1);
       }},
      {"groups",
       [](auto& s) {
         for (uint32_t i = 0; i < 1001; ++i) s.add_groups(i);
       }},
      {"group_names", [](auto& s) { s.add_group_names(std::string(65'537, 'a')); }},
      {"ulimits", [](auto& s) { s.add_ulimits(std::string(65'537, 'a')); }},
      {"shm_bytes", [](auto& s) { s.set_shm_bytes(1); }},
      {"shm_bytes", [](auto& s) { s.set_shm_bytes(UINT64_MAX); }},
      {"shm_bytes",
       [](auto& s) {
         s.set_shm_bytes(1 << 20);
         s.set_ipc(ContainerSpec::OF_HOST);
       }},
      {"dns_servers", [](auto& s) { s.add_dns_servers(std::string(65'537, '1')); }},
      {"sysctls", [](auto& s) { (*s.mutable_sysctls())[""] = "1"; }},
      {"devices", [](auto& s) { s.add_devices()->set_host_path("fuse"); }},
      {"devices", [](auto& s) { s.add_devices()->set_host_path("/" + std::string(65'536, 'a')); }},
      {"pid", [](auto& s) { s.set_pid(static_cast<ContainerSpec::Namespace>(9)); }},
      {"ipc", [](auto& s) { s.set_ipc(static_cast<ContainerSpec::Namespace>(-1)); }},
      {"seccomp_profile", [](auto& s) { s.set_seccomp_profile("p.json"); }},
      {"stop_signal", [](auto& s) { s.set_stop_signal(65); }},
      {"stop_grace_seconds", [](auto& s) { s.set_stop_grace_seconds(1'000'001); }},
      {"auto_remove", [](auto& s) { s.set_auto_remove(true); }},
  };
  for (const Case& c : cases) {
    ContainerSpec spec = FullSpec();
    c.set(spec);
    Result<> checked = CheckSpec(spec);
    ASSERT_FALSE(checked) << c.field << spec.DebugString().substr(0, 500);
    EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
    EXPECT_THAT(checked.error().ToString(), HasSubstr(c.field));
  }
}

}  // namespace
}  // namespace davit::local
