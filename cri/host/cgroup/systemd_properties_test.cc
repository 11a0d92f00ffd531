// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/systemd_properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cri {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Bytes = std::vector<uint8_t>;

constexpr uint64_t kNone = UINT64_MAX;

UnitProperties LimitsOf(const CgroupResources& resources, int version = 252) {
  auto writes = RoundCpuQuota(PlanV2Writes(resources, FreshCgroupResources()).value());
  return LimitProperties(writes, version).value();
}

UnitProperties LimitsOf(const std::map<std::string, std::string>& unified, int version = 252) {
  CgroupResources resources;
  resources.unified = unified;
  return LimitsOf(resources, version);
}

struct LimitCase {
  const char* name;
  CgroupResources resources;
  UnitProperties properties;
};

class Limits : public testing::TestWithParam<LimitCase> {};

TEST_P(Limits, BecomeProperties) {
  EXPECT_EQ(LimitsOf(GetParam().resources), GetParam().properties);
}

INSTANTIATE_TEST_SUITE_P(
    All, Limits,
    testing::Values(
        LimitCase{"None", {}, {}},
        LimitCase{"Memory", {.memory_limit = 4096}, {{"MemoryMax", uint64_t{4096}}}},
        LimitCase{"MemoryAndSwap",
                  {.memory_limit = 4096, .memory_swap_limit = 5096},
                  {{"MemorySwapMax", uint64_t{1000}}, {"MemoryMax", uint64_t{4096}}}},
        LimitCase{"NoSwap",
                  {.memory_limit = 4096, .memory_swap_limit = 4096},
                  {{"MemorySwapMax", uint64_t{0}}, {"MemoryMax", uint64_t{4096}}}},
        LimitCase{"Shares", {.cpu_shares = 102}, {{"CPUWeight", uint64_t{17}}}},
        LimitCase{"Quota",
                  {.cpu_quota = 50'000, .cpu_period = 200'000},
                  {{"CPUQuotaPeriodUSec", uint64_t{200'000}}, {"CPUQuotaPerSecUSec", uint64_t{250'000}}}},
        LimitCase{"QuotaOfManyCpus",
                  {.cpu_quota = 1'600'000, .cpu_period = 100'000},
                  {{"CPUQuotaPeriodUSec", uint64_t{100'000}}, {"CPUQuotaPerSecUSec", uint64_t{16'000'000}}}},
        LimitCase{"AQuotaIsRoundedUp",
                  {.cpu_quota = 60'001, .cpu_period = 100'000},
                  {{"CPUQuotaPeriodUSec", uint64_t{100'000}}, {"CPUQuotaPerSecUSec", uint64_t{610'000}}}},
        LimitCase{"Tasks", {.pids_limit = 100}, {{"TasksMax", uint64_t{100}}}},
        LimitCase{"AtLeastOneTask", {.pids_limit = 0}, {{"TasksMax", uint64_t{1}}}},
        LimitCase{"Cpus",
                  {.cpuset_cpus = "0-3,9", .cpuset_mems = "0"},
                  {{"AllowedCPUs", Bytes{0x0f, 0x02}}, {"AllowedMemoryNodes", Bytes{0x01}}}},
        LimitCase{"Hugepages", {.hugepages = {{"2MB", 0}}}, {}}),
    [](const auto& instance) { return instance.param.name; });

TEST(UnifiedLimits, BecomePropertiesWhereThereAreAny) {
  EXPECT_EQ(LimitsOf({{"memory.high", "max"},
                      {"memory.low", "100"},
                      {"memory.max", "2M"},
                      {"memory.min", "0"},
                      {"memory.swap.max", "max\n"}}),
            (UnitProperties{{"MemoryHigh", kNone},
                            {"MemoryLow", uint64_t{100}},
                            {"MemoryMax", uint64_t{2 << 20}},
                            {"MemoryMin", uint64_t{0}},
                            {"MemorySwapMax", kNone}}));
  EXPECT_EQ(LimitsOf({{"cpu.max", "max 50000"}, {"cpu.weight", "7"}, {"pids.max", "max"}}),
            (UnitProperties{{"CPUQuotaPeriodUSec", uint64_t{50'000}},
                            {"CPUQuotaPerSecUSec", kNone},
                            {"CPUWeight", uint64_t{7}},
                            {"TasksMax", kNone}}));
  EXPECT_EQ(LimitsOf({{"cpuset.cpus", " 1 "}, {"cpuset.mems", ""}}),
            (UnitProperties{{"AllowedCPUs", Bytes{2}}, {"AllowedMemoryNodes", Bytes{}}}));
  EXPECT_EQ(LimitsOf({{"io.weight", "default 50"}}), (UnitProperties{{"IOWeight", uint64_t{50}}}));
  EXPECT_EQ(LimitsOf({{"io.weight", "8:0 200\n70"}}), (UnitProperties{{"IOWeight", uint64_t{70}}}));
  EXPECT_EQ(LimitsOf({{"memory.zswap.max", "0"}}, 253), (UnitProperties{{"MemoryZSwapMax", uint64_t{0}}}));
  EXPECT_THAT(LimitsOf({{"cpu.max.burst", "1"}, {"io.max", "8:0 rbps=1"}, {"memory.oom.group", "1"}}),
              IsEmpty());
}

TEST(UnifiedLimits, ACgroupThatIsIdleNoMoreHasTheDefaultWeight) {
  EXPECT_EQ(LimitsOf({{"cpu.idle", "0"}}), (UnitProperties{{"CPUWeight", uint64_t{100}}}));
  CgroupResources with_shares{.cpu_shares = 102};
  with_shares.unified = {{"cpu.idle", "0"}};
  EXPECT_EQ(LimitsOf(with_shares), (UnitProperties{{"CPUWeight", uint64_t{17}}})) << "it was not idle";
  const std::vector<CgroupWrite> to_busy = {{"cpu", "cpu.idle", "0"}};
  EXPECT_EQ(ChangedLimits({{"cpu", "cpu.weight", "1"}, {"cpu", "cpu.idle", "1\n"}}, to_busy, 252).value(),
            (UnitProperties{{"CPUWeight", uint64_t{100}}}));
  EXPECT_THAT(ChangedLimits({{"cpu", "cpu.weight", "17"}, {"cpu", "cpu.idle", "0\n"}}, to_busy, 252).value(),
              IsEmpty())
      << "the kernel leaves the weight as it is";
}

TEST(UnifiedLimits, NoLimitOfTasksIsSaid) {
  UnitProperties limits = LimitsOf({.memory_limit = 4096});
  LimitTasks(limits);
  EXPECT_EQ(limits, (UnitProperties{{"MemoryMax", uint64_t{4096}}, {"TasksMax", kNone}}));
  limits = LimitsOf({.pids_limit = 7});
  LimitTasks(limits);
  EXPECT_EQ(limits, (UnitProperties{{"TasksMax", uint64_t{7}}}));
}

TEST(UnifiedLimits, TheLastValueCounts) {
  CgroupResources resources{.cpu_shares = 1024, .memory_limit = 4096};
  resources.unified = {{"cpu.idle", "1"}, {"memory.max", "8192"}};
  resources.cpu_shares = 2048;
  EXPECT_EQ(LimitsOf(resources), (UnitProperties{{"CPUWeight", uint64_t{0}}, {"MemoryMax", uint64_t{8192}}}));
}

TEST(UnifiedLimits, DependOnTheVersion) {
  EXPECT_EQ(LimitsOf({{"cpu.idle", "1"}}), (UnitProperties{{"CPUWeight", uint64_t{0}}}));
  EXPECT_THAT(LimitsOf({{"cpu.idle", "1"}}, 251), IsEmpty());
  EXPECT_THAT(LimitsOf({{"cpu.idle", "0"}}, 251), IsEmpty());
  EXPECT_THAT(LimitsOf({{"memory.zswap.max", "0"}}, 252), IsEmpty());
  EXPECT_EQ(LimitsOf({{"memory.zswap.writeback", "0"}}, 256),
            (UnitProperties{{"MemoryZSwapWriteback", false}}));
  EXPECT_THAT(LimitsOf({{"memory.zswap.writeback", "0"}}, 255), IsEmpty());
  std::vector<CgroupWrite> group = {{"memory", "memory.oom.group", "1"}};
  EXPECT_EQ(OomProperties(group, 253), (UnitProperties{{"OOMPolicy", "kill"}}));
  EXPECT_THAT(OomProperties(group, 252), IsEmpty());
  group.front().value = "0";
  EXPECT_EQ(OomProperties(group, 253), (UnitProperties{{"OOMPolicy", "continue"}}));
  EXPECT_THAT(OomProperties({}, 253), IsEmpty());
}

TEST(UnifiedLimits, AValueThatAFileDoesNotTakeIsNamed) {
  for (const auto& [file, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"memory.max", "lots"},
                                                                  {"memory.max", ""},
                                                                  {"memory.max", "1 2"},
                                                                  {"memory.max", "-1"},
                                                                  {"memory.max", "99999999999P"},
                                                                  {"cpu.max", ""},
                                                                  {"cpu.max", "1 2 3"},
                                                                  {"cpu.max", "1 0"},
                                                                  {"cpu.max", "1 1000001"},
                                                                  {"cpu.max", "18446744073709551615 1000"},
                                                                  {"cpu.weight", "x"},
                                                                  {"io.weight", "heavy"},
                                                                  {"io.weight", "default"},
                                                                  {"cpuset.cpus", "3-1"},
                                                                  {"cpuset.cpus", "a"},
                                                                  {"cpuset.cpus", "99999999"},
                                                                  {"cpuset.mems", "0 1"},
                                                                  {"pids.max", "few"}}) {
    auto properties = LimitProperties({{"x", file, value}}, 252);
    ASSERT_FALSE(properties) << file << value;
    EXPECT_EQ(properties.error().code, Code::kInvalidArgument);
    EXPECT_THAT(properties.error().ToString(), HasSubstr(std::string(file) + " = " + value));
  }
}

std::string Rounded(const std::string& value) {
  return RoundCpuQuota({{"cpu", "cpu.max", value}}).front().value;
}

// What systemd writes for the same: floor(per second · period).
TEST(CpuQuota, IsWrittenAsSystemdWritesIt) {
  EXPECT_EQ(Rounded("50000 100000"), "50000 100000");
  EXPECT_EQ(Rounded("60001 100000"), "61000 100000");
  EXPECT_EQ(Rounded("10000 33333"), "10333 33333");
  EXPECT_EQ(Rounded("60001"), "61000");
  EXPECT_EQ(Rounded("max 100000"), "max 100000");
  EXPECT_EQ(Rounded("nonsense"), "nonsense") << "the kernel has to refuse it";
  EXPECT_EQ(RoundCpuQuota({{"memory", "memory.max", "60001"}}).front().value, "60001");
}

TEST(UnitPropertiesTest, OfScopesAndSlices) {
  EXPECT_EQ(ScopeProperties("text", "a.slice", 12), (UnitProperties{{"Description", "text"},
                                                                    {"Slice", "a.slice"},
                                                                    {"Delegate", true},
                                                                    {"PIDs", std::vector<uint32_t>{12}},
                                                                    {"MemoryAccounting", true},
                                                                    {"CPUAccounting", true},
                                                                    {"IOAccounting", true},
                                                                    {"TasksAccounting", true},
                                                                    {"DefaultDependencies", false},
                                                                    {"CollectMode", "inactive-or-failed"}}));
  EXPECT_EQ(SliceProperties("text", "a.slice"),
            (UnitProperties{{"Description", "text"},
                            {"Wants", std::vector<std::string>{"a.slice"}},
                            {"MemoryAccounting", true},
                            {"CPUAccounting", true},
                            {"IOAccounting", true},
                            {"TasksAccounting", true},
                            {"DefaultDependencies", false},
                            {"CollectMode", "inactive-or-failed"}}));
}

TEST(DeviceProperties, NameDevicesAsSystemdDoes) {
  DeviceFilter filter;
  filter.allowed = {{true, 'c', 1, 3, "rwm"},
                    {true, 'b', 8, 0, "r"},
                    {true, 'c', 136, -1, "rw"},
                    {true, 'c', -1, -1, "m"},
                    {true, 'b', -1, -1, "m"}};
  EXPECT_EQ(DeviceProperties(filter),
            (UnitProperties{{"DevicePolicy", "strict"},
                            {"DeviceAllow", UnitProperty::StringPairs{{"/dev/char/1:3", "rwm"},
                                                                      {"/dev/block/8:0", "r"},
                                                                      {"char-136", "rw"},
                                                                      {"char-*", "m"},
                                                                      {"block-*", "m"}}}}));
  EXPECT_EQ(DeviceProperties({}),
            (UnitProperties{{"DevicePolicy", "strict"}, {"DeviceAllow", UnitProperty::StringPairs{}}}));
  EXPECT_EQ(DeviceProperties({.allow_all = true, .allowed = {}}), (UnitProperties{{"DevicePolicy", "auto"}}));
}

TEST(DeviceProperties, LeaveWhatSystemdCannotNameToOurOwnFilter) {
  DeviceFilter filter;
  filter.allowed = {{true, 'c', 1, 3, "rwm"}, {true, 'c', -1, 5, "rwm"}};
  EXPECT_THAT(DeviceProperties(filter), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
