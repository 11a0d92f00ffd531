// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/write_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using OnError = CgroupWrite::OnError;

constexpr int64_t kMiB = 1 << 20;

std::vector<CgroupWrite> V1(const CgroupResources& wanted,
                            const CgroupResources& current = FreshCgroupResources()) {
  auto plan = PlanWrites(CgroupMode::kV1, wanted, current);
  EXPECT_TRUE(plan) << plan.error().ToString();
  return plan.value_or(std::vector<CgroupWrite>{});
}

std::vector<CgroupWrite> V2(const CgroupResources& wanted,
                            const CgroupResources& current = FreshCgroupResources()) {
  auto plan = PlanWrites(CgroupMode::kV2, wanted, current);
  EXPECT_TRUE(plan) << plan.error().ToString();
  return plan.value_or(std::vector<CgroupWrite>{});
}

TEST(WritePlanTest, WhatIsNotWantedIsNotWritten) {
  EXPECT_THAT(V1({}), IsEmpty());
  EXPECT_THAT(V2({}), IsEmpty());
}

TEST(WritePlanTest, AFreshCgroupNeedsNoDefaults) {
  EXPECT_THAT(V1(FreshCgroupResources()), IsEmpty());
  EXPECT_THAT(V2(FreshCgroupResources()), IsEmpty());
}

TEST(WritePlanTest, AnUpdateWritesDefaultsAsWell) {
  EXPECT_THAT(V1({.cpu_shares = 1024}, {}), ElementsAre(CgroupWrite{"cpu", "cpu.shares", "1024"}));
  EXPECT_THAT(V2({.cpu_shares = 1024}, {}), ElementsAre(CgroupWrite{"cpu", "cpu.weight", "100"}));
}

TEST(WritePlanTest, HybridHostsPlanAsV1) {
  CgroupResources wanted{.cpu_shares = 2};
  EXPECT_EQ(*PlanWrites(CgroupMode::kHybrid, wanted, {}), V1(wanted));
}

TEST(WritePlanTest, WeightsFollowTheCurve) {
  struct Case {
    uint64_t shares, weight;
  };
  for (Case c : {Case{0, 1}, Case{2, 1}, Case{102, 17}, Case{256, 35}, Case{1024, 100}, Case{2048, 174},
                 Case{262'144, 10'000}, Case{1'000'000, 10'000}}) {
    EXPECT_EQ(CpuWeightFromShares(c.shares), c.weight) << c.shares;
  }
}

TEST(WritePlanTest, MoreSharesNeverMeanLessWeight) {
  uint64_t last = 0;
  for (uint64_t shares = 0; shares < 263'000; shares += 7) {
    uint64_t weight = CpuWeightFromShares(shares);
    EXPECT_GE(weight, last) << shares;
    last = weight;
  }
}

TEST(WritePlanTest, V1SharesAreAtLeastTwo) {
  EXPECT_THAT(V1({.cpu_shares = 1}), ElementsAre(CgroupWrite{"cpu", "cpu.shares", "2"}));
}

TEST(WritePlanTest, V1WritesThePeriodBeforeTheQuotaAndAgainIfRefused) {
  EXPECT_THAT(V1({.cpu_quota = 50'000, .cpu_period = 50'000, .cpu_burst = 1000}),
              ElementsAre(CgroupWrite{"cpu", "cpu.cfs_burst_us", "1000", OnError::kRetryLast},
                          CgroupWrite{"cpu", "cpu.cfs_period_us", "50000", OnError::kRetryLast},
                          CgroupWrite{"cpu", "cpu.cfs_quota_us", "50000"}));
  EXPECT_THAT(V1({.cpu_quota = -1}, {}), ElementsAre(CgroupWrite{"cpu", "cpu.cfs_quota_us", "-1"}));
}

TEST(WritePlanTest, V2WritesQuotaAndPeriodTogether) {
  EXPECT_THAT(V2({.cpu_quota = 50'000}), ElementsAre(CgroupWrite{"cpu", "cpu.max", "50000 100000"}));
  EXPECT_THAT(V2({.cpu_quota = 50'000, .cpu_period = 20'000}),
              ElementsAre(CgroupWrite{"cpu", "cpu.max", "50000 20000"}));
  EXPECT_THAT(V2({.cpu_quota = -1}, {}), ElementsAre(CgroupWrite{"cpu", "cpu.max", "max 100000"}));
  EXPECT_THAT(V2({.cpu_burst = 500}),
              ElementsAre(CgroupWrite{"cpu", "cpu.max.burst", "500", OnError::kRetryLast}));
}

TEST(WritePlanTest, V2KeepsTheHalfOfCpuMaxThatIsNotWanted) {
  CgroupResources current{.cpu_quota = 30'000, .cpu_period = 60'000};
  EXPECT_THAT(V2({.cpu_quota = 10'000}, current), ElementsAre(CgroupWrite{"cpu", "cpu.max", "10000 60000"}));
  EXPECT_THAT(V2({.cpu_period = 50'000}, current), ElementsAre(CgroupWrite{"cpu", "cpu.max", "30000 50000"}));
}

TEST(WritePlanTest, V1LowersMemoryBeforeTheSumAndRaisesTheSumFirst) {
  CgroupWrite memory{"memory", "memory.limit_in_bytes", std::to_string(64 * kMiB)};
  CgroupWrite sum{"memory", "memory.memsw.limit_in_bytes", std::to_string(96 * kMiB)};
  CgroupResources wanted{.memory_limit = 64 * kMiB, .memory_swap_limit = 96 * kMiB};
  EXPECT_THAT(V1(wanted), ElementsAre(memory, sum));
  EXPECT_THAT(V1(wanted, {.memory_swap_limit = 128 * kMiB}), ElementsAre(memory, sum));
  EXPECT_THAT(V1(wanted, {.memory_swap_limit = 32 * kMiB}), ElementsAre(sum, memory));
}

TEST(WritePlanTest, V1RemovesTheLimitOfTheSumWithThatOfTheMemory) {
  EXPECT_THAT(V1({.memory_limit = -1}, {.memory_swap_limit = 32 * kMiB}),
              ElementsAre(CgroupWrite{"memory", "memory.memsw.limit_in_bytes", "-1", OnError::kIgnoreMissing},
                          CgroupWrite{"memory", "memory.limit_in_bytes", "-1"}));
}

TEST(WritePlanTest, V1NeedsNoSwapAccountingToForbidSwap) {
  EXPECT_THAT(V1({.memory_limit = kMiB, .memory_swap_limit = kMiB}),
              ElementsAre(CgroupWrite{"memory", "memory.limit_in_bytes", std::to_string(kMiB)},
                          CgroupWrite{"memory", "memory.memsw.limit_in_bytes", std::to_string(kMiB),
                                      OnError::kIgnoreMissing}));
}

TEST(WritePlanTest, V2CountsSwapAlone) {
  std::string memory = std::to_string(64 * kMiB);
  EXPECT_THAT(V2({.memory_limit = 64 * kMiB, .memory_swap_limit = 96 * kMiB}),
              ElementsAre(CgroupWrite{"memory", "memory.swap.max", std::to_string(32 * kMiB)},
                          CgroupWrite{"memory", "memory.max", memory}));
  EXPECT_THAT(V2({.memory_limit = 64 * kMiB, .memory_swap_limit = 64 * kMiB}),
              ElementsAre(CgroupWrite{"memory", "memory.swap.max", "0", OnError::kIgnoreMissing},
                          CgroupWrite{"memory", "memory.max", memory}));
  EXPECT_THAT(V2({.memory_swap_limit = -1}, {}),
              ElementsAre(CgroupWrite{"memory", "memory.swap.max", "max", OnError::kIgnoreMissing}));
  EXPECT_THAT(V2({.memory_swap_limit = 96 * kMiB}, {.memory_limit = 64 * kMiB}),
              ElementsAre(CgroupWrite{"memory", "memory.swap.max", std::to_string(32 * kMiB)}));
}

TEST(WritePlanTest, V2RefusesASumBelowTheMemoryThatStands) {
  auto plan = PlanWrites(CgroupMode::kV2, {.memory_swap_limit = kMiB}, {.memory_limit = 2 * kMiB});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::kInvalidArgument);
  EXPECT_THAT(plan.error().ToString(), HasSubstr("memory_swap_limit"));
}

TEST(WritePlanTest, CpusetsArePassedOn) {
  CgroupResources wanted{.cpuset_cpus = "0-1", .cpuset_mems = "0"};
  auto both =
      ElementsAre(CgroupWrite{"cpuset", "cpuset.cpus", "0-1"}, CgroupWrite{"cpuset", "cpuset.mems", "0"});
  EXPECT_THAT(V1(wanted), both);
  EXPECT_THAT(V2(wanted), both);
}

TEST(WritePlanTest, ALimitOfNoProcessesIsOne) {
  for (auto plan : {V1, V2}) {
    EXPECT_THAT(plan({.pids_limit = 0}, {}), ElementsAre(CgroupWrite{"pids", "pids.max", "1"}));
    EXPECT_THAT(plan({.pids_limit = 7}, {}), ElementsAre(CgroupWrite{"pids", "pids.max", "7"}));
    EXPECT_THAT(plan({.pids_limit = -1}, {}), ElementsAre(CgroupWrite{"pids", "pids.max", "max"}));
  }
}

TEST(WritePlanTest, HugepagesNeedTheirControllerOnlyWhenSomeAreGranted) {
  CgroupResources wanted{.hugepages = {{"2MB", 4 * kMiB}, {"1GB", 0}}};
  std::string bytes = std::to_string(4 * kMiB);
  EXPECT_THAT(
      V1(wanted),
      ElementsAre(CgroupWrite{"hugetlb", "hugetlb.2MB.limit_in_bytes", bytes},
                  CgroupWrite{"hugetlb", "hugetlb.2MB.rsvd.limit_in_bytes", bytes, OnError::kIgnoreMissing},
                  CgroupWrite{"hugetlb", "hugetlb.1GB.limit_in_bytes", "0", OnError::kIgnoreMissing},
                  CgroupWrite{"hugetlb", "hugetlb.1GB.rsvd.limit_in_bytes", "0", OnError::kIgnoreMissing}));
  EXPECT_THAT(V2(wanted),
              ElementsAre(CgroupWrite{"hugetlb", "hugetlb.2MB.max", bytes},
                          CgroupWrite{"hugetlb", "hugetlb.2MB.rsvd.max", bytes, OnError::kIgnoreMissing},
                          CgroupWrite{"hugetlb", "hugetlb.1GB.max", "0", OnError::kIgnoreMissing},
                          CgroupWrite{"hugetlb", "hugetlb.1GB.rsvd.max", "0", OnError::kIgnoreMissing}));
}

TEST(WritePlanTest, TheUnifiedMapIsWrittenLastLineByLine) {
  CgroupResources wanted{.pids_limit = 5,
                         .unified = {{"io.max", "8:0 rbps=1\n8:16 rbps=2\n"}, {"memory.high", "max"}}};
  EXPECT_THAT(
      V2(wanted),
      ElementsAre(CgroupWrite{"pids", "pids.max", "5"}, CgroupWrite{"io", "io.max", "8:0 rbps=1"},
                  CgroupWrite{"io", "io.max", "8:16 rbps=2"}, CgroupWrite{"memory", "memory.high", "max"}));
}

TEST(WritePlanTest, V1HasNoUnifiedMap) {
  auto plan = PlanWrites(CgroupMode::kV1, {.unified = {{"memory.high", "1"}}}, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace davit::cri
