// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "api/cri/v1/api.pb.h"

namespace davit::cri {
namespace {

using runtime::v1::LinuxContainerResources;
using testing::AllOf;
using testing::HasSubstr;

TEST(ResourcesFromCriTest, ZeroAndEmptyMeanNotSet) {
  EXPECT_EQ(*ResourcesFromCri(LinuxContainerResources()), CgroupResources());
}

TEST(ResourcesFromCriTest, EveryFieldIsTaken) {
  LinuxContainerResources cri;
  cri.set_cpu_period(100'000);
  cri.set_cpu_quota(50'000);
  cri.set_cpu_shares(512);
  cri.set_memory_limit_in_bytes(1 << 20);
  cri.set_memory_swap_limit_in_bytes(2 << 20);
  cri.set_cpuset_cpus("0-3,7");
  cri.set_cpuset_mems("0");
  auto* hugepages = cri.add_hugepage_limits();
  hugepages->set_page_size("2MB");
  hugepages->set_limit(4 << 20);
  (*cri.mutable_unified())["memory.high"] = "1000";

  CgroupResources expected;
  expected.cpu_shares = 512;
  expected.cpu_quota = 50'000;
  expected.cpu_period = 100'000;
  expected.memory_limit = 1 << 20;
  expected.memory_swap_limit = 2 << 20;
  expected.cpuset_cpus = "0-3,7";
  expected.cpuset_mems = "0";
  expected.hugepages = {{"2MB", 4 << 20}};
  expected.unified = {{"memory.high", "1000"}};
  EXPECT_EQ(*ResourcesFromCri(cri), expected);
}

TEST(ResourcesFromCriTest, MinusOneIsNoLimit) {
  LinuxContainerResources cri;
  cri.set_cpu_quota(-1);
  cri.set_memory_limit_in_bytes(-1);
  cri.set_memory_swap_limit_in_bytes(-1);
  CgroupResources resources = *ResourcesFromCri(cri);
  EXPECT_EQ(resources.cpu_quota, -1);
  EXPECT_EQ(resources.memory_limit, -1);
  EXPECT_EQ(resources.memory_swap_limit, -1);
}

// There is no other way to ask for it over the CRI, and with cgroup v1 `unified` itself is refused.
TEST(ResourcesFromCriTest, ThePidsLimitOfUnifiedIsOneOfBothVersions) {
  LinuxContainerResources cri;
  (*cri.mutable_unified())["pids.max"] = "7";
  EXPECT_EQ(ResourcesFromCri(cri).value(), (CgroupResources{.pids_limit = 7}));
  (*cri.mutable_unified())["pids.max"] = "max";
  EXPECT_EQ(ResourcesFromCri(cri).value(), (CgroupResources{.pids_limit = -1}));
}

TEST(ResourcesFromCriTest, ABadValueIsNamedWithItsField) {
  using Set = std::function<void(LinuxContainerResources&)>;
  struct Case {
    const char* field;
    const char* value;
    Set set;
  };
  auto unified = [](const char* key) {
    return [key](LinuxContainerResources& r) { (*r.mutable_unified())[key] = "1"; };
  };
  auto hugepage = [](const char* size) {
    return [size](LinuxContainerResources& r) { r.add_hugepage_limits()->set_page_size(size); };
  };
  const std::vector<Case> cases = {
      {"cpu_shares", "-1", [](auto& r) { r.set_cpu_shares(-1); }},
      {"cpu_period", "999", [](auto& r) { r.set_cpu_period(999); }},
      {"cpu_period", "1000001", [](auto& r) { r.set_cpu_period(1'000'001); }},
      {"cpu_quota", "-2", [](auto& r) { r.set_cpu_quota(-2); }},
      {"cpu_quota", "999", [](auto& r) { r.set_cpu_quota(999); }},
      {"memory_limit_in_bytes", "-2", [](auto& r) { r.set_memory_limit_in_bytes(-2); }},
      {"memory_swap_limit_in_bytes", "-2", [](auto& r) { r.set_memory_swap_limit_in_bytes(-2); }},
      {"memory_swap_limit_in_bytes", "5",
       [](auto& r) { r.set_memory_limit_in_bytes(6), r.set_memory_swap_limit_in_bytes(5); }},
      {"memory_swap_limit_in_bytes", "5",
       [](auto& r) { r.set_memory_limit_in_bytes(-1), r.set_memory_swap_limit_in_bytes(5); }},
      {"cpuset_cpus", "0-", [](auto& r) { r.set_cpuset_cpus("0-"); }},
      {"cpuset_cpus", "3-1", [](auto& r) { r.set_cpuset_cpus("3-1"); }},
      {"cpuset_cpus", "0,,1", [](auto& r) { r.set_cpuset_cpus("0,,1"); }},
      {"cpuset_cpus", "0,", [](auto& r) { r.set_cpuset_cpus("0,"); }},
      {"cpuset_mems", "x", [](auto& r) { r.set_cpuset_mems("x"); }},
      {"cpuset_mems", "0\n", [](auto& r) { r.set_cpuset_mems("0\n"); }},
      {"hugepage_limits.page_size", "2M", hugepage("2M")},
      {"hugepage_limits.page_size", "../2MB", hugepage("../2MB")},
      {"hugepage_limits.page_size", "0MB", hugepage("0MB")},
      {"hugepage_limits.page_size", "2MB", [&](auto& r) { hugepage("2MB")(r), hugepage("2MB")(r); }},
      {"unified", "../memory.max", unified("../memory.max")},
      {"unified", "memory", unified("memory")},
      {"unified", "", unified("")},
      {"unified", ".max", unified(".max")},
      {"unified", "cgroup.procs", unified("cgroup.procs")},
      {"unified", "pids.max=many", [](auto& r) { (*r.mutable_unified())["pids.max"] = "many"; }},
      {"unified", "pids.max=-2", [](auto& r) { (*r.mutable_unified())["pids.max"] = "-2"; }},
  };
  for (const Case& c : cases) {
    LinuxContainerResources cri;
    c.set(cri);
    Result<CgroupResources> resources = ResourcesFromCri(cri);
    ASSERT_FALSE(resources) << c.field << ' ' << c.value;
    EXPECT_EQ(resources.error().code, Code::kInvalidArgument);
    EXPECT_THAT(resources.error().ToString(), AllOf(HasSubstr(c.field), HasSubstr(c.value)));
  }
}

}  // namespace
}  // namespace davit::cri
