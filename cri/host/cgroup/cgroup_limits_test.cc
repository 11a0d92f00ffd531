// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Resource limits and device rules, as the kernel applies them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <memory>
#include <string>

#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/cgroup/device_program.h"
#include "cri/host/cgroup/testing/cgroup_host_fixture.h"

namespace davit::cri {
namespace {

using testing::HasSubstr;

// 0, or the errno of the open.
int OpenInside(const char* device) {
  int fd = open(device, O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? 0 : errno;
}

TEST_P(CgroupHostTest, DeviceRulesHoldForProcessesInside) {
  Result<> created = Create({}, {{false, 'a', -1, -1, "rwm"}, {true, 'c', 1, 5, "rwm"}});
  ASSERT_TRUE(created) << created.error().ToString();
  TestProcess process([] {
    if (OpenInside("/dev/zero") != 0) return 2;
    return OpenInside("/dev/null") == EPERM ? 0 : 3;
  });
  Join(process.pid());
  process.Go();
  int status = process.Wait();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "2: /dev/zero was refused, 3: /dev/null was not";
}

TEST_P(CgroupHostTest, LimitsReachTheKernel) {
  if (!host_->HasController("memory") || !host_->HasController("cpu"))
    GTEST_SKIP() << "needs the cpu and memory controllers";
  if (host_->mode() == CgroupMode::kV2) GTEST_SKIP() << "reads v1 files";
  CgroupResources resources;
  resources.cpu_shares = 512;
  resources.cpu_quota = 20'000;
  resources.cpu_period = 40'000;
  resources.memory_limit = resources.memory_swap_limit = 64 << 20;
  resources.pids_limit = 7;
  resources.cpuset_cpus = "0";
  Result<> created = Create(resources);
  ASSERT_TRUE(created) << created.error().ToString();
  EXPECT_EQ(ReadIn("cpu", "cpu.shares"), "512\n");
  EXPECT_EQ(ReadIn("cpu", "cpu.cfs_quota_us"), "20000\n");
  EXPECT_EQ(ReadIn("cpu", "cpu.cfs_period_us"), "40000\n");
  EXPECT_EQ(ReadIn("memory", "memory.limit_in_bytes"), "67108864\n");
  EXPECT_EQ(ReadIn("pids", "pids.max"), "7\n");
  EXPECT_EQ(ReadIn("cpuset", "cpuset.cpus"), "0\n");

  resources = {};
  resources.memory_limit = resources.memory_swap_limit = 128 << 20;
  Result<> raised = host_->Update(path_, resources);
  EXPECT_TRUE(raised) << raised.error().ToString();
  EXPECT_EQ(ReadIn("memory", "memory.limit_in_bytes"), "134217728\n");
  EXPECT_EQ(ReadIn("cpu", "cpu.shares"), "512\n") << "not wanted, not touched";
  resources.memory_limit = resources.memory_swap_limit = 32 << 20;
  EXPECT_TRUE(host_->Update(path_, resources)) << "lowered";
  resources = {};
  resources.memory_limit = -1;
  EXPECT_TRUE(host_->Update(path_, resources)) << "unlimited";
}

TEST_P(CgroupHostTest, AValueThatTheKernelRefusesIsNamed) {
  if (!host_->HasController("cpuset") || host_->mode() == CgroupMode::kV2)
    GTEST_SKIP() << "needs the v1 cpuset controller";
  CgroupResources resources;
  resources.cpuset_cpus = "4000-4001";
  Result<> created = Create(resources);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, Code::kInvalidArgument) << created.error().ToString();
  EXPECT_THAT(created.error().ToString(), HasSubstr("cpuset.cpus = 4000-4001"));
  EXPECT_EQ(CountWhere(top_), 0);
}

TEST_P(CgroupHostTest, OomKillsAreCounted) {
  if (!host_->HasController("memory")) GTEST_SKIP() << "needs the memory controller";
  CgroupResources resources;
  resources.memory_limit = resources.memory_swap_limit = 8 << 20;
  ASSERT_TRUE(Create(resources));
  TestProcess process([] {
    constexpr size_t kSize = 64 << 20;
    char* memory =
        static_cast<char*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t at = 0; at < kSize; at += 4096) memory[at] = 1;
    return 2;
  });
  Join(process.pid());
  process.Go();
  int status = process.Wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_EQ(*host_->OomKills(path_), 1);
}

TEST(DeviceProgramsTest, ReplacingAFilterLeavesOneProgram) {
  Result<CgroupHost> host = CgroupHost::Probe(kMountPoint);
  const CgroupHierarchy* v2 = nullptr;
  if (host) {
    for (const CgroupHierarchy& hierarchy : host->hierarchies()) v2 = hierarchy.v2 ? &hierarchy : v2;
  }
  if (v2 == nullptr || geteuid() != 0) GTEST_SKIP() << "needs a v2 hierarchy and root";
  std::string name = "davit-test-bpf-" + std::to_string(getpid());
  ASSERT_EQ(mkdirat(v2->dir.get(), name.c_str(), 0755), 0);
  {
    UniqueFd cgroup = std::move(*OpenAt(v2->dir.get(), name, O_RDONLY | O_DIRECTORY));
    DevicePrograms programs;
    DeviceFilter nothing;
    DeviceFilter zero{false, {{true, 'c', 1, 5, "rwm"}}};
    std::shared_ptr<UniqueFd> first = *programs.Load(nothing);
    EXPECT_EQ(*programs.Load(nothing), first) << "loaded once";
    ASSERT_TRUE(AttachDeviceProgram(cgroup.get(), first->get(), name));
    std::shared_ptr<UniqueFd> second = *programs.Load(zero);
    Result<> replaced = AttachDeviceProgram(cgroup.get(), second->get(), name);
    EXPECT_TRUE(replaced) << replaced.error().ToString();

    uint32_t ids[8] = {};
    bpf_attr query{};
    query.query.target_fd = static_cast<uint32_t>(cgroup.get());
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = reinterpret_cast<uintptr_t>(ids);
    query.query.prog_cnt = 8;
    EXPECT_EQ(syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query), 0);
    EXPECT_EQ(query.query.prog_cnt, 1u);
  }
  EXPECT_EQ(unlinkat(v2->dir.get(), name.c_str(), AT_REMOVEDIR), 0);
}

}  // namespace
}  // namespace davit::cri
