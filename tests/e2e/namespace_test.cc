// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What containers of a pod share, with each other and with the host.

#include <filesystem>

#include "base/file_io.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string HostNamespace(const std::string& kind) {
  return std::filesystem::read_symlink("/proc/self/ns/" + kind);
}

class Namespaces : public PodTest {
 protected:
  std::string NamespaceOf(const std::string& container, const std::string& kind) {
    return Shell(container, "readlink /proc/self/ns/" + kind);
  }

  struct TwoContainers {
    std::string first;
    std::string second;
  };

  TwoContainers RunTwo(const v1::NamespaceOption& options) {
    v1::PodSandboxConfig pod_config = PodConfig();
    if (options.network() == v1::NODE) pod_config.clear_hostname();  // as the kubelet does
    *pod_config.mutable_linux()->mutable_security_context()->mutable_namespace_options() = options;
    std::string pod = RunPod(pod_config);
    auto start = [&](const std::string& name) {
      v1::ContainerConfig config = IdleConfig(name);
      *config.mutable_linux()->mutable_security_context()->mutable_namespace_options() = options;
      return CreateAndStart(pod, pod_config, config);
    };
    return {.first = start("first"), .second = start("second")};
  }
};

TEST_F(Namespaces, ContainersShareNetworkIpcAndHostNameButNotProcesses) {
  v1::NamespaceOption options;
  options.set_pid(v1::CONTAINER);
  auto [first, second] = RunTwo(options);

  for (const char* kind : {"net", "ipc", "uts"}) {
    EXPECT_EQ(NamespaceOf(first, kind), NamespaceOf(second, kind)) << kind;
    EXPECT_NE(NamespaceOf(first, kind), HostNamespace(kind)) << kind;
  }
  for (const char* kind : {"pid", "mnt", "cgroup"})
    EXPECT_NE(NamespaceOf(first, kind), NamespaceOf(second, kind)) << kind;
  EXPECT_THAT(Shell(first, "tr '\\0' ' ' < /proc/1/cmdline"), HasSubstr("sleep 1000"));
}

TEST_F(Namespaces, ASharedPidNamespaceShowsTheOtherContainersButNotThroughPid1) {
  v1::NamespaceOption options;
  options.set_pid(v1::POD);
  auto [first, second] = RunTwo(options);

  EXPECT_EQ(NamespaceOf(first, "pid"), NamespaceOf(second, "pid"));
  EXPECT_NE(NamespaceOf(first, "pid"), HostNamespace("pid"));
  EXPECT_EQ(Shell(first, "pgrep -f '[w]hile true' | wc -l"), "2");
  EXPECT_THAT(Shell(first, "tr '\\0' ' ' < /proc/1/cmdline"), Not(HasSubstr("sleep")));
}

TEST_F(Namespaces, ASharedPidNamespaceReapsOrphans) {
  v1::NamespaceOption options;
  options.set_pid(v1::POD);
  std::string container = RunTwo(options).first;

  Shell(container, "for i in 1 2 3; do (sleep 0 & ) ; done");

  WaitUntil("no zombie is left",
            [&] { return Shell(container, "grep -l '^State:.Z' /proc/[0-9]*/status || true").empty(); });
}

TEST_F(Namespaces, PidOfTheHostShowsTheHostsProcesses) {
  v1::NamespaceOption options;
  options.set_pid(v1::NODE);
  std::string container = RunTwo(options).first;

  EXPECT_EQ(NamespaceOf(container, "pid"), HostNamespace("pid"));
}

TEST_F(Namespaces, ATargetLendsItsProcessesToADebugger) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  v1::ContainerConfig target_config = IdleConfig("target");
  target_config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
      v1::CONTAINER);
  std::string target = CreateAndStart(pod, pod_config, target_config);
  v1::ContainerConfig debugger_config = IdleConfig("debugger");
  auto* options = debugger_config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  options->set_pid(v1::TARGET);
  options->set_target_id(target);

  std::string debugger = CreateAndStart(pod, pod_config, debugger_config);

  EXPECT_EQ(NamespaceOf(debugger, "pid"), NamespaceOf(target, "pid"));
}

TEST_F(Namespaces, ADebuggersEndLeavesItsTargetRunning) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  v1::ContainerConfig target_config = IdleConfig("target");
  target_config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
      v1::CONTAINER);
  std::string target = CreateAndStart(pod, pod_config, target_config);
  v1::ContainerConfig debugger_config = ShellConfig("sleep 2345 & exit 0", "debugger");
  auto* options = debugger_config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  options->set_pid(v1::TARGET);
  options->set_target_id(target);

  WaitForExit(CreateAndStart(pod, pod_config, debugger_config));

  EXPECT_EQ(StatusOf(target).state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(Shell(target, "pgrep -f '[s]leep 2345' || true"), "") << "what the debugger has left behind";
}

TEST_F(Namespaces, HostNetworkIsTheHosts) {
  v1::NamespaceOption options;
  options.set_network(v1::NODE);
  std::string container = RunTwo(options).first;

  EXPECT_EQ(NamespaceOf(container, "net"), HostNamespace("net"));
}

TEST_F(Namespaces, HostIpcIsTheHosts) {
  v1::NamespaceOption options;
  options.set_ipc(v1::NODE);
  std::string container = RunTwo(options).first;

  EXPECT_EQ(NamespaceOf(container, "ipc"), HostNamespace("ipc"));
}

TEST_F(Namespaces, SharedMemoryIsThePods) {
  auto [first, second] = RunTwo({});

  Shell(first, "echo shared > /dev/shm/file");

  EXPECT_EQ(Shell(second, "cat /dev/shm/file"), "shared");
  EXPECT_EQ(Shell(second, "df -k /dev/shm | tail -n 1 | awk '{ print $2 }'"), "65536");
}

TEST_F(Namespaces, HostNameDnsAndHostsFollowTheConfiguration) {
  std::string container = RunIdle([](v1::PodSandboxConfig& config, auto&) {
    config.set_hostname("a-name");
    config.mutable_dns_config()->add_servers("10.9.8.7");
    config.mutable_dns_config()->add_searches("example.test");
    config.mutable_dns_config()->add_options("ndots:3");
  });

  EXPECT_EQ(Shell(container, "hostname"), "a-name");
  EXPECT_EQ(Shell(container, "cat /etc/resolv.conf"),
            "search example.test\nnameserver 10.9.8.7\noptions ndots:3");
  EXPECT_THAT(Shell(container, "cat /etc/hosts"), HasSubstr("127.0.0.1"));
  EXPECT_EQ(Shell(container, "cat /etc/hostname"), "a-name");
}

TEST_F(Namespaces, SysctlsAreSetInThePodOnly) {
  std::string container = RunIdle([](v1::PodSandboxConfig& config, auto&) {
    (*config.mutable_linux()->mutable_sysctls())["net.ipv4.ip_unprivileged_port_start"] = "77";
    (*config.mutable_linux()->mutable_sysctls())["kernel.shm_rmid_forced"] = "1";
  });

  EXPECT_EQ(
      Shell(container, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced"),
      "77\n1");
}

constexpr char kReadDefaults[] =
    "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range";

TEST_F(Namespaces, AnyUserMayListenOnLowPortsAndPing) {
  EXPECT_EQ(Shell(RunIdle(), kReadDefaults), "0\n0\t2147483647");

  auto on_the_hosts_network = [](v1::PodSandboxConfig& pod, v1::ContainerConfig& config) {
    pod.clear_hostname();
    for (auto* options : {pod.mutable_linux()->mutable_security_context()->mutable_namespace_options(),
                          config.mutable_linux()->mutable_security_context()->mutable_namespace_options()})
      options->set_network(v1::NODE);
  };
  std::string container = RunIdle(on_the_hosts_network);
  std::string own;
  for (const char* name : {"ip_unprivileged_port_start", "ping_group_range"})
    own += ReadFile(std::string("/proc/sys/net/ipv4/") + name).value_or("");
  EXPECT_EQ(Shell(container, kReadDefaults) + "\n", own);
}

TEST_F(Namespaces, SysctlsOfAnInterfaceAreSetOnceItIsThere) {
  auto read_inside = [this](const std::string& value) {
    std::string container = RunIdle([&value](v1::PodSandboxConfig& config, auto&) {
      (*config.mutable_linux()->mutable_sysctls())["net.ipv4.conf.eth0.rp_filter"] = value;
    });
    return Shell(container, "cat /proc/sys/net/ipv4/conf/eth0/rp_filter");
  };
  EXPECT_EQ(read_inside("1"), "1");
  EXPECT_EQ(read_inside("2"), "2");
}

}  // namespace
}  // namespace davit::e2e
