// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Resources in place: of containers, created and running, and of pods.

#include <sstream>

#include "base/file_io.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

constexpr int64_t kMiB = 1 << 20;

// A limit in both cgroup versions: the v1 file below /sys/fs/cgroup, and v2's.
struct LimitFile {
  std::string v1;  // "memory/%/memory.limit_in_bytes": the cgroup's path takes the place of the %
  std::string v2;  // "memory.max"
};

const LimitFile kMemory = {"memory/%/memory.limit_in_bytes", "memory.max"};
const LimitFile kShares = {"cpu/%/cpu.shares", "cpu.weight"};
const LimitFile kQuota = {"cpu/%/cpu.cfs_quota_us", "cpu.max"};

class ResourcesTest : public OwnInstanceTest {
 protected:
  // The first word of the file of a cgroup, "" when there is none.
  static std::string Read(const std::string& cgroup, const LimitFile& file) {
    std::string v1 = "/sys/fs/cgroup/" + file.v1;
    auto text = ReadFile(v1.replace(v1.find('%'), 1, cgroup));
    if (!text) text = ReadFile("/sys/fs/cgroup" + cgroup + "/" + file.v2);
    std::string word;
    std::istringstream(text.value_or("")) >> word;
    return word;
  }

  // Of pods that name no cgroup parent.
  std::string CgroupOfPod(const std::string& pod) { return instance().CgroupOfPod(pod); }
  std::string CgroupOf(const std::string& container) {
    v1::ListContainersRequest list;
    list.mutable_filter()->set_id(container);
    std::string pod = Must(cri().Ask(&RuntimeStub::ListContainers, list)).containers(0).pod_sandbox_id();
    return instance().CgroupOfContainer(CgroupOfPod(pod), container);
  }

  Answer<v1::UpdateContainerResourcesResponse> Update(const std::string& container,
                                                      const v1::LinuxContainerResources& resources) {
    v1::UpdateContainerResourcesRequest request;
    request.set_container_id(container);
    *request.mutable_linux() = resources;
    return cri().Ask(&RuntimeStub::UpdateContainerResources, request);
  }

  Answer<v1::UpdatePodSandboxResourcesResponse> UpdatePod(const std::string& pod,
                                                          const v1::LinuxContainerResources& resources,
                                                          const v1::LinuxContainerResources& overhead) {
    v1::UpdatePodSandboxResourcesRequest request;
    request.set_pod_sandbox_id(pod);
    *request.mutable_resources() = resources;
    *request.mutable_overhead() = overhead;
    return cri().Ask(&RuntimeStub::UpdatePodSandboxResources, request);
  }

  static v1::LinuxContainerResources Memory(int64_t bytes) {
    v1::LinuxContainerResources resources;
    resources.set_memory_limit_in_bytes(bytes);
    resources.set_memory_swap_limit_in_bytes(bytes);
    return resources;
  }
};

TEST_F(ResourcesTest, ChangeUpAndDownInARunningContainerAndOutliveTheDaemon) {
  std::string container = RunIdle([](auto&, v1::ContainerConfig& config) {
    *config.mutable_linux()->mutable_resources() = Memory(64 * kMiB);
  });
  std::string cgroup = CgroupOf(container);
  for (int64_t bytes : {128 * kMiB, 32 * kMiB, 96 * kMiB}) {
    ASSERT_THAT(Update(container, Memory(bytes)), Succeeds());
    EXPECT_EQ(Read(cgroup, kMemory), std::to_string(bytes));
  }
  v1::LinuxContainerResources cpu;
  cpu.set_cpu_quota(30'000);
  cpu.set_cpu_period(60'000);
  cpu.set_cpuset_cpus("0");
  ASSERT_THAT(Update(container, cpu), Succeeds());
  EXPECT_EQ(Read(cgroup, kQuota), "30000");

  instance().Kill();
  instance().Restart();
  Reconnect();

  v1::LinuxContainerResources after = StatusOf(container).resources().linux();
  EXPECT_EQ(after.memory_limit_in_bytes(), 96 * kMiB);
  EXPECT_EQ(after.memory_swap_limit_in_bytes(), 96 * kMiB);
  EXPECT_EQ(after.cpu_quota(), 30'000);
  EXPECT_EQ(after.cpu_period(), 60'000);
  EXPECT_EQ(after.cpuset_cpus(), "0");
  EXPECT_EQ(Read(cgroup, kMemory), std::to_string(96 * kMiB));
}

TEST_F(ResourcesTest, ACgroupParentInAnySpellingHoldsContainersThatCanBeRemoved) {
  const std::string parent = instance().CgroupParent("parent");
  for (const std::string& spelling : {parent + "/", "//" + parent, parent.substr(1)}) {
    v1::PodSandboxConfig pod_config = PodConfig();
    pod_config.mutable_linux()->set_cgroup_parent(spelling);
    v1::ContainerConfig config = IdleConfig();
    *config.mutable_linux()->mutable_resources() = Memory(64 * kMiB);
    std::string pod = RunPod(pod_config);
    std::string container = CreateAndStart(pod, pod_config, config);
    std::string cgroup = instance().CgroupOfContainer(parent, container);
    EXPECT_EQ(Read(cgroup, kMemory), std::to_string(64 * kMiB)) << spelling;

    StopPod(pod);
    RemovePod(pod);
    EXPECT_EQ(Read(cgroup, kMemory), "") << spelling;
  }
}

TEST_F(ResourcesTest, ACreatedContainerStartsWithWhatAnUpdateSaidBeforeTheDaemonWasKilled) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string container = Create(RunPod(pod_config), pod_config, IdleConfig());
  v1::LinuxContainerResources resources = Memory(48 * kMiB);
  resources.set_cpu_shares(2048);
  ASSERT_THAT(Update(container, resources), Succeeds());
  EXPECT_EQ(StatusOf(container).resources().linux().memory_limit_in_bytes(), 48 * kMiB);

  instance().Kill();
  instance().Restart();
  Reconnect();
  Start(container);

  EXPECT_EQ(Read(CgroupOf(container), kMemory), std::to_string(48 * kMiB));
  EXPECT_THAT(Read(CgroupOf(container), kShares), ::testing::AnyOf("2048", "174"));
  EXPECT_EQ(StatusOf(container).resources().linux().cpu_shares(), 2048);
}

TEST_F(ResourcesTest, AMemoryLimitBelowTheUsageIsRefusedAndNobodyDies) {
  std::string container = RunIdle([](auto&, v1::ContainerConfig& config) {
    *config.mutable_linux()->mutable_resources() = Memory(64 * kMiB);
  });
  Shell(container, "dd if=/dev/zero of=/dev/shm/ballast bs=1M count=40 2>/dev/null");

  EXPECT_THAT(Update(container, Memory(8 * kMiB)),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "8388608"));

  EXPECT_EQ(Read(CgroupOf(container), kMemory), std::to_string(64 * kMiB));
  EXPECT_EQ(StatusOf(container).resources().linux().memory_limit_in_bytes(), 64 * kMiB);
  EXPECT_EQ(StatusOf(container).state(), v1::CONTAINER_RUNNING);
}

TEST_F(ResourcesTest, APodGetsItsOwnAndItsOverheadHoweverOftenItIsSaid) {
  std::string pod = RunPod(PodConfig());
  v1::LinuxContainerResources resources = Memory(64 * kMiB);
  resources.set_cpu_shares(512);
  v1::LinuxContainerResources overhead = Memory(16 * kMiB);
  overhead.set_cpu_shares(128);
  for (int time = 0; time < 2; ++time) {
    ASSERT_THAT(UpdatePod(pod, resources, overhead), Succeeds());
    EXPECT_EQ(Read(CgroupOfPod(pod), kMemory), std::to_string(80 * kMiB));
    EXPECT_THAT(Read(CgroupOfPod(pod), kShares), ::testing::AnyOf("640", "70"));
  }

  v1::LinuxContainerResources quota;
  quota.set_cpu_quota(50'000);
  quota.set_cpu_period(100'000);
  ASSERT_THAT(UpdatePod(pod, quota, {}), Succeeds());

  EXPECT_EQ(Read(CgroupOfPod(pod), kQuota), "50000");
  EXPECT_EQ(Read(CgroupOfPod(pod), kMemory), std::to_string(80 * kMiB)) << "not named, not touched";
}

TEST_F(ResourcesTest, APodLimitThatTheKernelRefusesIsAnErrorThatNamesIt) {
  std::string pod = RunPod(PodConfig());
  v1::LinuxContainerResources resources;
  resources.set_cpuset_cpus("4000");

  EXPECT_THAT(UpdatePod(pod, resources, {}), FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "4000"));
  EXPECT_THAT(UpdatePod("nobody", resources, {}), FailsWith(grpc::StatusCode::NOT_FOUND, "nobody"));
}

}  // namespace
}  // namespace davit::e2e
