// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/sandbox_plan.h"

#include <gmock/gmock.h>

#include <map>

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kMetadata[] = "metadata { name: 'web' namespace: 'default' uid: 'u-1' } ";

constexpr SysctlDefaults kNoDefaults{.unprivileged_ports = false, .unprivileged_icmp = false};

Result<shim::SandboxPlan> Plan(const std::string& rest, const SysctlDefaults& defaults = kNoDefaults) {
  return BuildSandboxPlan(Proto<v1::PodSandboxConfig>(kMetadata + rest), "id-1", defaults);
}
std::string Namespaces(const std::string& options) {
  return "linux { security_context { namespace_options { " + options + " } } }";
}

TEST(SandboxPlan, HasNamespacesOfItsOwnByDefault) {
  auto plan = Plan("hostname: 'web-0'");
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->sandbox_id, "id-1");
  EXPECT_EQ(plan->hostname, "web-0");
  EXPECT_TRUE(plan->own_network);
  EXPECT_TRUE(plan->own_ipc);
  EXPECT_TRUE(plan->shared_pid);  // POD is what an unset mode means
  EXPECT_EQ(plan->shm_bytes, 64u << 20);
}

TEST(SandboxPlan, SharesWhatItIsToldTo) {
  EXPECT_FALSE(Plan(Namespaces("pid: CONTAINER"))->shared_pid);
  EXPECT_FALSE(Plan(Namespaces("pid: NODE"))->shared_pid);
  EXPECT_FALSE(Plan(Namespaces("ipc: NODE"))->own_ipc);
  auto host_network = Plan("hostname: 'ignored' " + Namespaces("network: NODE"));
  EXPECT_FALSE(host_network->own_network);
  EXPECT_EQ(host_network->hostname, "");
}

TEST(SandboxPlan, TakesTheHostsNameWhenItHasNone) {
  EXPECT_NE(Plan("")->hostname, "");
}

struct BadConfig {
  const char* config;
  const char* field;
  const char* value;
  Code code = Code::kInvalidArgument;
};
class BadSandboxes : public ::testing::TestWithParam<BadConfig> {};

TEST_P(BadSandboxes, AreRefused) {
  auto config = Proto<v1::PodSandboxConfig>(GetParam().config);
  EXPECT_TRUE(Refuses(ValidateSandboxConfig(config), GetParam().code, GetParam().field, GetParam().value));
  EXPECT_FALSE(BuildSandboxPlan(config, "id"));
}

#define META "metadata { name: 'web' namespace: 'default' uid: 'u-1' } "
#define CONTEXT(text) META "linux { security_context { " text " } }"
#define OPTIONS(text) CONTEXT("namespace_options { " text " }")
#define PREFIX "config.linux.security_context."
INSTANTIATE_TEST_SUITE_P(
    All, BadSandboxes,
    ::testing::Values(
        BadConfig{"", "config.metadata.name", "empty"},
        BadConfig{"metadata { name: 'web' uid: 'u' }", "config.metadata.namespace", "empty"},
        BadConfig{"metadata { name: 'web' namespace: 'default' }", "config.metadata.uid", "empty"},
        BadConfig{META "hostname: 'a b'", "config.hostname", "a b"},
        BadConfig{META "hostname: 'a\\n127.0.0.1 evil'", "config.hostname", "a?127"},
        BadConfig{META "hostname: 'x123456789x123456789x123456789x123456789x123456789x123456789x1234'",
                  "config.hostname", "64 bytes"},
        BadConfig{META "log_directory: 'var/log'", "config.log_directory", "var/log"},
        BadConfig{META "linux { cgroup_parent: '/kubepods/../../x' }", "config.linux.cgroup_parent", "/../"},
        BadConfig{META "linux { cgroup_parent: '/' }", "config.linux.cgroup_parent", "root"},
        BadConfig{META "linux { cgroup_parent: '/a\\nb' }", "config.linux.cgroup_parent", "newline"},
        BadConfig{META "linux { cgroup_parent: '/a\\000b' }", "config.linux.cgroup_parent", "NUL"},
        BadConfig{OPTIONS("network: CONTAINER"), PREFIX "namespace_options.network", "CONTAINER"},
        BadConfig{OPTIONS("ipc: TARGET"), PREFIX "namespace_options.ipc", "TARGET"},
        BadConfig{OPTIONS("pid: TARGET"), PREFIX "namespace_options.pid", "TARGET"},
        BadConfig{OPTIONS("userns_options { mode: CONTAINER }"),
                  PREFIX "namespace_options.userns_options.mode", "1"},
        BadConfig{CONTEXT("run_as_user { value: -1 }"), PREFIX "run_as_user", "-1"},
        BadConfig{CONTEXT("run_as_group { value: 5 }"), PREFIX "run_as_group", "5"},
        BadConfig{CONTEXT("supplemental_groups: -1"), PREFIX "supplemental_groups", "-1"},
        BadConfig{CONTEXT("seccomp { profile_type: Localhost }"), PREFIX "seccomp.localhost_ref", "empty"},
        BadConfig{META "linux { sysctls { key: 'vm.swappiness' value: '1' } }", "linux.sysctls",
                  "vm.swappiness"}));

TEST(SandboxConfig, RefusesUnknownModes) {
  auto config = Proto<v1::PodSandboxConfig>(kMetadata);
  auto* options = config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  options->set_pid(static_cast<v1::NamespaceMode>(42));
  EXPECT_TRUE(
      Refuses(ValidateSandboxConfig(config), Code::kInvalidArgument, PREFIX "namespace_options.pid", "42"));
}

TEST(SandboxConfig, RefusesUnknownSeccompTypes) {
  auto config = Proto<v1::PodSandboxConfig>(kMetadata);
  config.mutable_linux()->mutable_security_context()->mutable_seccomp()->set_profile_type(
      static_cast<v1::SecurityProfile::ProfileType>(9));
  EXPECT_TRUE(
      Refuses(ValidateSandboxConfig(config), Code::kInvalidArgument, PREFIX "seccomp.profile_type", "9"));
}

TEST(SandboxConfig, AcceptsWhatTheKubeletSends) {
  EXPECT_TRUE(
      Plan("hostname: 'web' log_directory: '/var/log/pods/default_web_u-1' "
           "dns_config { servers: '10.96.0.10' searches: 'svc.cluster.local' options: 'ndots:5' } "
           "linux { cgroup_parent: '/kubepods/burstable/podu-1' security_context { "
           "namespace_options { pid: CONTAINER userns_options { mode: NODE } } run_as_user { value: 65535 } "
           "run_as_group { value: 65535 } seccomp { profile_type: RuntimeDefault } } }"));
}

TEST(SandboxConfig, AcceptsEverySpellingOfACgroup) {
  for (const char* parent : {"/a/", "/a//b", "rel/x", "/a/./b"}) {
    auto plan = Plan(std::string("linux { cgroup_parent: '") + parent + "' }");
    EXPECT_TRUE(plan) << parent << ": " << plan.error().ToString();
  }
}

struct SysctlCase {
  const char* name;
  const char* path;
};
class GoodSysctls : public ::testing::TestWithParam<SysctlCase> {};

TEST_P(GoodSysctls, BecomePaths) {
  auto plan = Plan(std::string("linux { sysctls { key: '") + GetParam().name + "' value: '1' } }");
  ASSERT_TRUE(plan) << plan.error().ToString();
  ASSERT_EQ(plan->sysctls.size(), 1u);
  EXPECT_EQ(plan->sysctls[0].path, GetParam().path);
  EXPECT_EQ(plan->sysctls[0].value, "1");
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodSysctls,
    ::testing::Values(SysctlCase{"net.core.somaxconn", "net/core/somaxconn"},
                      SysctlCase{"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
                      SysctlCase{"net.ipv4.conf.lo.forwarding", "net/ipv4/conf/lo/forwarding"},
                      SysctlCase{"net/ipv6/conf/all/forwarding", "net/ipv6/conf/all/forwarding"},
                      SysctlCase{"net.ipv6.neigh.default.gc_thresh1", "net/ipv6/neigh/default/gc_thresh1"},
                      SysctlCase{"kernel.shm_rmid_forced", "kernel/shm_rmid_forced"},
                      SysctlCase{"kernel.sem", "kernel/sem"},
                      SysctlCase{"fs.mqueue.msg_max", "fs/mqueue/msg_max"},
                      SysctlCase{"kernel.domainname", "kernel/domainname"}));

class SysctlsOfInterfaces : public ::testing::TestWithParam<SysctlCase> {};

TEST_P(SysctlsOfInterfaces, WaitForTheNetwork) {
  std::string rest = std::string("linux { sysctls { key: '") + GetParam().name +
                     "' value: '1' } sysctls { key: 'net.core.somaxconn' value: '2' } }";
  auto plan = Plan(rest);
  ASSERT_TRUE(plan) << plan.error().ToString();
  ASSERT_EQ(plan->sysctls.size(), 1u);
  EXPECT_EQ(plan->sysctls[0].path, "net/core/somaxconn");
  auto later = InterfaceSysctls(Proto<v1::PodSandboxConfig>(kMetadata + rest));
  ASSERT_TRUE(later) << later.error().ToString();
  ASSERT_EQ(later->size(), 1u);
  EXPECT_EQ(later->at(0).path, GetParam().path);
  EXPECT_EQ(later->at(0).value, "1");
}

INSTANTIATE_TEST_SUITE_P(
    All, SysctlsOfInterfaces,
    ::testing::Values(SysctlCase{"net.ipv4.conf.eth0.forwarding", "net/ipv4/conf/eth0/forwarding"},
                      SysctlCase{"net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"},
                      SysctlCase{"net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"},
                      SysctlCase{"net.ipv4.conf.lo0.forwarding", "net/ipv4/conf/lo0/forwarding"},
                      SysctlCase{"net.ipv4.neigh.net1.retrans_time_ms",
                                 "net/ipv4/neigh/net1/retrans_time_ms"},
                      SysctlCase{"net.ipv6.conf.eth0.accept_ra", "net/ipv6/conf/eth0/accept_ra"},
                      SysctlCase{"net.ipv6.neigh.eth0.app_solicit", "net/ipv6/neigh/eth0/app_solicit"},
                      SysctlCase{"net.mpls.conf.eth0.input", "net/mpls/conf/eth0/input"}));

std::map<std::string, std::string> SysctlsIn(const Result<shim::SandboxPlan>& plan) {
  std::map<std::string, std::string> sysctls;
  for (const shim::Sysctl& sysctl : plan->sysctls) sysctls[sysctl.path] = sysctl.value;
  return sysctls;
}

constexpr char kPortStart[] = "net/ipv4/ip_unprivileged_port_start";
constexpr char kPingGroups[] = "net/ipv4/ping_group_range";

TEST(DefaultSysctls, LetEveryUserListenAnywhereAndPing) {
  EXPECT_THAT(SysctlsIn(Plan("", SysctlDefaults())),
              ElementsAre(Pair(kPortStart, "0"), Pair(kPingGroups, "0 2147483647")));
}

TEST(DefaultSysctls, CanBeSwitchedOffOneByOne) {
  EXPECT_THAT(SysctlsIn(Plan("", {.unprivileged_ports = false})),
              ElementsAre(Pair(kPingGroups, "0 2147483647")));
  EXPECT_THAT(SysctlsIn(Plan("", {.unprivileged_icmp = false})), ElementsAre(Pair(kPortStart, "0")));
}

TEST(DefaultSysctls, GiveWayToThoseOfThePod) {
  EXPECT_THAT(SysctlsIn(Plan("linux { sysctls { key: 'net.ipv4.ip_unprivileged_port_start' value: '1024' } "
                             "sysctls { key: 'net/ipv4/ping_group_range' value: '1 0' } }",
                             SysctlDefaults())),
              ElementsAre(Pair(kPortStart, "1024"), Pair(kPingGroups, "1 0")));
}

TEST(DefaultSysctls, LeaveTheHostsNetworkAlone) {
  EXPECT_THAT(SysctlsIn(Plan(Namespaces("network: NODE"), SysctlDefaults())), IsEmpty());
}

TEST(DefaultSysctls, LetNobodyPingInAUserNamespace) {
  constexpr char kMapping[] = "{ container_id: 0 host_id: 200000 length: 65536 }";
  std::string options =
      std::string("pid: CONTAINER userns_options { mode: POD uids ") + kMapping + " gids " + kMapping + " }";
  auto plan = Plan(Namespaces(options), SysctlDefaults());
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_THAT(SysctlsIn(plan), ElementsAre(Pair(kPortStart, "0")));
}

class BadSysctls : public ::testing::TestWithParam<const char*> {};

TEST_P(BadSysctls, AreRefused) {
  auto plan = Plan(std::string("linux { sysctls { key: '") + GetParam() + "' value: '1' } }");
  EXPECT_TRUE(Refuses(plan, Code::kInvalidArgument, "linux.sysctls"));
}

INSTANTIATE_TEST_SUITE_P(All, BadSysctls,
                         ::testing::Values("", "net", "kernel.core_pattern", "kernel.hostname",
                                           "kernel.shmfoo", "vm.overcommit_memory", "fs.file-max",
                                           "user.max_user_namespaces", "netx.a", "net/../kernel/core_pattern",
                                           "net/ipv4/../../kernel/core_pattern", "net..ipv4", "net.",
                                           ".net.a", "/net/a", "net.a+b", "net/a b", "fs/mqueue/../file-max",
                                           "kernel.sem.x"));

TEST(Sysctls, MayNotChangeTheHost) {
  auto code = Code::kInvalidArgument;
  auto with = [](const std::string& name, const std::string& options) {
    return Plan("linux { sysctls { key: '" + name + "' value: '1' } security_context { namespace_options { " +
                options + " } } }");
  };
  EXPECT_TRUE(
      Refuses(with("net.core.somaxconn", "network: NODE"), code, "linux.sysctls", "network namespace"));
  EXPECT_TRUE(
      Refuses(with("kernel.domainname", "network: NODE"), code, "linux.sysctls", "network namespace"));
  EXPECT_TRUE(Refuses(with("kernel.shmmax", "ipc: NODE"), code, "linux.sysctls", "IPC namespace"));
  EXPECT_TRUE(Refuses(with("fs.mqueue.msg_max", "ipc: NODE"), code, "linux.sysctls", "IPC namespace"));
  EXPECT_TRUE(with("kernel.shmmax", "network: NODE"));
  EXPECT_TRUE(with("net.core.somaxconn", "ipc: NODE"));
}

TEST(Sysctls, AreOneLineEach) {
  EXPECT_TRUE(Refuses(Plan("linux { sysctls { key: 'kernel.sem' value: '1\\n2' } }"), Code::kInvalidArgument,
                      "linux.sysctls.kernel.sem", "1?2"));
  EXPECT_TRUE(Plan("linux { sysctls { key: 'kernel.sem' value: '250 32000\\t32 128' } }"));
}

}  // namespace
}  // namespace davit::cri
