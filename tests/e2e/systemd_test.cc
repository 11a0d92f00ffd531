// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroup driver systemd on a host that has systemd. All other tests run with it, too, if
// DAVIT_TEST_CGROUP_DRIVER is "systemd" (tests/v2host).
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <map>
#include <thread>

#include "base/file_io.h"
#include "base/pid_fd.h"
#include "tests/client/command.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using client::MustRun;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

constexpr int64_t kMiB = 1 << 20;
constexpr char kSystemctl[] = "/bin/systemctl";

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string Property(const std::string& unit, const std::string& name) {
  return FirstLine(MustRun({kSystemctl, "show", "--value", "--property", name, unit}));
}

std::string UnitsOf(const std::string& pattern) {
  return MustRun({kSystemctl, "list-units", "--all", "--no-legend", "--plain", pattern});
}

std::string CgroupOf(pid_t pid) {
  return FirstLine(ReadFile("/proc/" + std::to_string(pid) + "/cgroup").value_or("(none)"));
}

class SystemdTest : public PodTest {
 protected:
  void SetUp() override {
    if (!instance().uses_systemd()) GTEST_SKIP() << "needs DAVIT_TEST_CGROUP_DRIVER=systemd and such a host";
  }

  struct Container {
    std::string id;
    std::string pod;
    std::string unit() const { return "davit-" + id + ".scope"; }
  };
  Container RunLimited(const std::string& name = "pod") {
    v1::PodSandboxConfig pod_config = PodConfig(name);
    v1::ContainerConfig config = IdleConfig();
    v1::LinuxContainerResources& resources = *config.mutable_linux()->mutable_resources();
    resources.set_memory_limit_in_bytes(64 * kMiB);
    resources.set_memory_swap_limit_in_bytes(64 * kMiB);
    resources.set_cpu_quota(60'050);
    resources.set_cpu_period(100'000);
    resources.set_cpu_shares(102);
    resources.set_cpuset_cpus("0");
    (*resources.mutable_unified())["memory.high"] = std::to_string(48 * kMiB);
    (*resources.mutable_unified())["pids.max"] = "500";
    std::string pod = RunPod(pod_config);
    return {CreateAndStart(pod, pod_config, config), pod};
  }

  std::string File(const Container& container, const std::string& file) {
    std::string cgroup = instance().CgroupOfContainer(instance().CgroupOfPod(container.pod), container.id);
    return FirstLine(ReadFile("/sys/fs/cgroup" + cgroup + "/" + file).value_or("(missing)"));
  }
  void ExpectLimits(const Container& container) {
    EXPECT_EQ(File(container, "memory.max"), std::to_string(64 * kMiB));
    EXPECT_EQ(File(container, "memory.swap.max"), "0");
    EXPECT_EQ(File(container, "memory.high"), std::to_string(48 * kMiB));
    EXPECT_EQ(File(container, "cpu.max"), "61000 100000");
    EXPECT_EQ(File(container, "cpu.weight"), "17");
    EXPECT_EQ(File(container, "cpuset.cpus"), "0");
    EXPECT_EQ(File(container, "pids.max"), "500");
  }
};

TEST_F(SystemdTest, AContainerIsAScopeWithItsLimitsInItsPodsSlice) {
  Container container = RunLimited();
  std::string unit = container.unit();
  std::string slice = instance().CgroupOfPod(container.pod);
  EXPECT_EQ(Property(unit, "ActiveState"), "active");
  EXPECT_EQ(Property(unit, "ControlGroup"), slice + "/" + unit);
  EXPECT_EQ(Property(unit, "Slice"), slice.substr(slice.rfind('/') + 1));
  EXPECT_EQ(Property(unit, "Delegate"), "yes");
  EXPECT_EQ(Property(unit, "MemoryMax"), std::to_string(64 * kMiB));
  EXPECT_EQ(Property(unit, "MemoryHigh"), std::to_string(48 * kMiB));
  EXPECT_EQ(Property(unit, "MemorySwapMax"), "0");
  EXPECT_EQ(Property(unit, "CPUQuotaPerSecUSec"), "610ms");
  EXPECT_EQ(Property(unit, "CPUWeight"), "17");
  EXPECT_EQ(Property(unit, "AllowedCPUs"), "0");
  EXPECT_EQ(Property(unit, "TasksMax"), "500");
  EXPECT_EQ(Property(unit, "DevicePolicy"), "strict");
  ExpectLimits(container);
}

TEST_F(SystemdTest, AContainerWithoutALimitOfTasksHasNone) {
  std::string container = RunIdle();
  EXPECT_EQ(Property("davit-" + container + ".scope", "TasksMax"), "infinity");
}

TEST_F(SystemdTest, ADaemonReloadKeepsTheLimitsOfAnUpdate) {
  Container container = RunLimited();
  v1::UpdateContainerResourcesRequest request;
  request.set_container_id(container.id);
  request.mutable_linux()->set_memory_limit_in_bytes(96 * kMiB);
  request.mutable_linux()->set_memory_swap_limit_in_bytes(96 * kMiB);
  request.mutable_linux()->set_cpu_quota(33'333);
  ASSERT_THAT(cri().Ask(&RuntimeStub::UpdateContainerResources, request), Succeeds());
  for (bool reloaded : {false, true}) {
    if (reloaded) MustRun({kSystemctl, "daemon-reload"});
    EXPECT_EQ(File(container, "memory.max"), std::to_string(96 * kMiB)) << reloaded;
    EXPECT_EQ(File(container, "cpu.max"), "34000 100000") << reloaded;
    EXPECT_EQ(Property(container.unit(), "MemoryMax"), std::to_string(96 * kMiB)) << reloaded;
    EXPECT_EQ(Property(container.unit(), "CPUQuotaPerSecUSec"), "340ms") << reloaded;
  }
}

// A bus daemon is not on the way, but systemd's other clients are disturbed by its restart, and so may be
// systemd.
TEST_F(SystemdTest, ReloadsAndARestartedBusUnderLoadLoseNoContainerAndNoLimit) {
  std::vector<Container> before = {RunLimited("a"), RunLimited("b")};
  auto disturb = std::async(std::launch::async, [] {
    // Each may find systemd without an answer because of the one before it.
    for (const std::vector<std::string>& disturbance :
         {std::vector<std::string>{"daemon-reload"}, {"restart", "dbus"}, {"daemon-reexec"}}) {
      std::vector<std::string> command = {kSystemctl};
      command.insert(command.end(), disturbance.begin(), disturbance.end());
      client::Run(command);
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  });
  std::vector<Container> during;
  for (int i = 0; i < 6; ++i) during.push_back(RunLimited("during-" + std::to_string(i)));
  disturb.get();
  WaitUntil("systemd answers", [] { return client::Run({kSystemctl, "show"}).exit_code == 0; });
  for (const std::vector<Container>& containers : {before, during}) {
    for (const Container& container : containers) {
      EXPECT_EQ(StatusOf(container.id).state(), v1::CONTAINER_RUNNING);
      EXPECT_EQ(Property(container.unit(), "ActiveState"), "active");
      ExpectLimits(container);
      EXPECT_EQ(Shell(container.id, "echo x > /dev/null && echo written"), "written");
    }
  }
}

TEST_F(SystemdTest, NoUnitIsLeft) {
  Container container = RunLimited();
  EXPECT_THAT(UnitsOf("*" + container.id + "*"), HasSubstr(container.unit()));
  EXPECT_THAT(UnitsOf("*" + container.pod + "*"), HasSubstr(container.pod));
  StopPod(container.pod);
  RemovePod(container.pod);
  EXPECT_THAT(UnitsOf("*" + container.id + "*"), IsEmpty());
  EXPECT_THAT(UnitsOf("*" + container.pod + "*"), IsEmpty());
  EXPECT_THAT(PodCgroupsOf(instance()), Each(Not(HasSubstr(container.pod))));
}

TEST_F(SystemdTest, ShimsLiveInTheDaemonsSlice) {
  Container container = RunLimited();
  const std::string slice = instance().CgroupParent("davit");
  std::map<std::string, pid_t> shims = ShimsOf(instance());  // those below the instance's slice
  EXPECT_THAT(shims, Contains(Key(container.pod)));
  for (const auto& [pod, pid] : shims)
    EXPECT_THAT(CgroupOf(pid), HasSubstr("0::" + slice + "/davit-shims-")) << pod;
}

// With a daemon of its own, for what is done to it or to systemd.
class SystemdFailureTest : public OwnInstanceTest {
 protected:
  void SetUp() override {
    if (!instance().uses_systemd()) GTEST_SKIP() << "needs DAVIT_TEST_CGROUP_DRIVER=systemd and such a host";
  }
};

TEST_F(SystemdFailureTest, ADaemonKilledDuringStartsLeavesNoUnitAndNoPlaceholder) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::vector<std::string> containers;
  for (int i = 0; i < 6; ++i)
    containers.push_back(Create(pod, pod_config, IdleConfig("c" + std::to_string(i))));
  std::vector<std::future<void>> starts;
  for (const std::string& container : containers) {
    starts.push_back(std::async(std::launch::async, [this, container] {
      v1::StartContainerRequest request;
      request.set_container_id(container);
      NewClient()->Ask(&RuntimeStub::StartContainer, request);  // its answer does not come
    }));
  }
  // One is in the shims' scope, one is ready. If starts were too fast to be seen, the rest holds, too.
  for (int attempt = 0; attempt < 400 && PlaceholdersOf(instance()).size() < 3; ++attempt)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  // Placeholders that have begun to run end with the daemon; while it is stopped, all do.
  PidFd daemon = PidFd::Open(instance().pid()).value();
  ASSERT_TRUE(daemon.Signal(SIGSTOP));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::vector<pid_t> placeholders = PlaceholdersOf(instance());
  instance().Kill();
  for (std::future<void>& start : starts) start.get();
  for (pid_t pid : placeholders) WaitUntil("a placeholder ends", [pid] { return kill(pid, 0) != 0; });

  instance().Restart();
  Reconnect();
  StopPod(pod);
  RemovePod(pod);
  EXPECT_THAT(UnitsOf("*" + pod + "*"), IsEmpty());
  for (const std::string& container : containers) EXPECT_THAT(UnitsOf("*" + container + "*"), IsEmpty());
}

// systemd, which has no stop signal: a tracer can stop it.
class StoppedSystemd {
 public:
  StoppedSystemd() {
    EXPECT_EQ(ptrace(PTRACE_SEIZE, 1, nullptr, nullptr), 0) << strerror(errno);
    EXPECT_EQ(ptrace(PTRACE_INTERRUPT, 1, nullptr, nullptr), 0) << strerror(errno);
    EXPECT_EQ(waitpid(1, nullptr, __WALL), 1) << strerror(errno);
  }
  ~StoppedSystemd() { EXPECT_EQ(ptrace(PTRACE_DETACH, 1, nullptr, nullptr), 0) << strerror(errno); }
};

TEST_F(SystemdFailureTest, APodIsRemovedWhileSystemdDoesNotAnswer) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string container = CreateAndStart(pod, pod_config, IdleConfig());
  {
    StoppedSystemd stopped;
    StopPod(pod);
    RemovePod(pod);
    EXPECT_THAT(ListPods(), IsEmpty());
    EXPECT_THAT(PodCgroupsOf(instance()), Each(Not(HasSubstr(pod))));
  }
  WaitUntil("systemd does what it was asked",
            [&] { return UnitsOf("*" + container + "*").empty() && UnitsOf("*" + pod + "*").empty(); });
}

TEST_F(SystemdFailureTest, ShimsGetANewScopeIfSomebodyStopsTheirs) {
  std::map<std::string, pid_t> shims = ShimsOf(instance());
  ASSERT_THAT(shims, Not(IsEmpty()));
  std::string before = CgroupOf(shims.begin()->second);
  MustRun({kSystemctl, "stop", before.substr(before.rfind('/') + 1)});
  std::string pod = RunPod(PodConfig());
  std::string after = CgroupOf(ShimsOf(instance()).at(pod));
  EXPECT_NE(after, before);
  EXPECT_THAT(after, HasSubstr("0::" + instance().CgroupParent("davit") + "/davit-shims-"));
}

}  // namespace
}  // namespace davit::e2e
