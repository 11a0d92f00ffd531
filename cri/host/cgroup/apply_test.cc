// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/host/cgroup/construction.h"
#include "cri/host/cgroup/testing/test_tree.h"

namespace davit::cri {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using OnError = CgroupWrite::OnError;

// A v2 tree of plain files with the cgroups "pods" and "pods/one".
class V2TreeTest : public testing::Test {
 protected:
  void SetUp() override {
    tree_.Write("cgroup.controllers", "cpuset cpu io memory pids\n");
    tree_.Write("cgroup.subtree_control", "");
    tree_.Write("pods/cgroup.subtree_control", "cpu memory\n");
    tree_.Write("pods/one/cgroup.controllers", "cpu memory\n");
    for (const char* file : {"cpu.weight", "cpu.max", "memory.max", "memory.swap.max", "pids.max"}) {
      tree_.Write(std::string("pods/one/") + file, "");
    }
    Result<std::vector<CgroupHierarchy>> found = FindHierarchies(tree_.path());
    ASSERT_TRUE(found) << found.error().ToString();
    hierarchies_ = std::move(*found);
  }

  Result<> Apply(const CgroupResources& resources) {
    return ApplyWrites(hierarchies_, "pods/one",
                       *PlanWrites(CgroupMode::kV2, resources, FreshCgroupResources()));
  }

  TestTree tree_;
  std::vector<CgroupHierarchy> hierarchies_;
};

TEST_F(V2TreeTest, LimitsReachTheirFiles) {
  CgroupResources wanted;
  wanted.cpu_shares = 512;
  wanted.cpu_quota = 50'000;
  wanted.memory_limit = 1 << 20;
  wanted.memory_swap_limit = 3 << 20;
  wanted.pids_limit = 10;
  Result<> applied = Apply(wanted);
  ASSERT_TRUE(applied) << applied.error().ToString();
  EXPECT_EQ(tree_.Read("pods/one/cpu.weight"), std::to_string(CpuWeightFromShares(512)));
  EXPECT_EQ(tree_.Read("pods/one/cpu.max"), "50000 100000");
  EXPECT_EQ(tree_.Read("pods/one/memory.max"), "1048576");
  EXPECT_EQ(tree_.Read("pods/one/memory.swap.max"), "2097152");
  EXPECT_EQ(tree_.Read("pods/one/pids.max"), "10");
}

TEST_F(V2TreeTest, WithoutSwapAccountingOnlySwapThatIsGrantedFails) {
  std::filesystem::remove(tree_.path() + "/pods/one/memory.swap.max");
  CgroupResources wanted;
  wanted.memory_limit = wanted.memory_swap_limit = 1 << 20;
  EXPECT_TRUE(Apply(wanted));
  wanted.memory_swap_limit = 2 << 20;
  Result<> applied = Apply(wanted);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(applied.error().ToString(), HasSubstr("memory.swap.max"));
}

TEST_F(V2TreeTest, AMissingControllerIsNamed) {
  CgroupResources wanted;
  wanted.hugepages = {{"2MB", 0}};
  EXPECT_TRUE(Apply(wanted)) << "nothing granted, nothing to enforce";
  wanted.hugepages = {{"2MB", 2 << 20}};
  Result<> applied = Apply(wanted);
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error().ToString(), AllOf(HasSubstr("hugetlb"), HasSubstr("no cgroup controller")));
}

TEST_F(V2TreeTest, AnUpdateKnowsTheOtherHalfOfWhatItWrites) {
  tree_.Write("pods/one/cpu.max", "30000 60000\n");
  tree_.Write("pods/one/memory.max", "1048576\n");
  CgroupResources wanted;
  wanted.cpu_quota = 10'000;
  wanted.memory_swap_limit = 2 << 20;
  Result<CgroupResources> current = ReadCurrent(CgroupMode::kV2, hierarchies_, "pods/one", wanted);
  ASSERT_TRUE(current) << current.error().ToString();
  EXPECT_EQ(current->cpu_quota, 30'000);
  EXPECT_EQ(current->cpu_period, 60'000u);
  EXPECT_EQ(current->memory_limit, 1 << 20);
}

TEST_F(V2TreeTest, NoLimitReadsAsMinusOne) {
  tree_.Write("pods/one/cpu.max", "max 100000\n");
  tree_.Write("pods/one/memory.max", "max\n");
  CgroupResources wanted;
  wanted.cpu_period = 50'000;
  wanted.memory_swap_limit = -1;
  CgroupResources current = *ReadCurrent(CgroupMode::kV2, hierarchies_, "pods/one", wanted);
  EXPECT_EQ(current.cpu_quota, -1);
  EXPECT_EQ(current.memory_limit, -1);
}

TEST_F(V2TreeTest, AMemoryLimitBelowTheUsageIsRefusedAfterAReclaim) {
  tree_.Write("pods/one/memory.current", "3000000\n");
  tree_.Write("pods/one/memory.reclaim", "");
  Result<> refused = MakeRoomFor(hierarchies_, "pods/one", 1'000'000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.error().ToString(), AllOf(HasSubstr("1000000"), HasSubstr("uses 3000000")));
  EXPECT_EQ(tree_.Read("pods/one/memory.reclaim"), "2000000");
  EXPECT_TRUE(MakeRoomFor(hierarchies_, "pods/one", 3'000'000));
  EXPECT_TRUE(MakeRoomFor(hierarchies_, "pods/one", -1));
}

TEST_F(V2TreeTest, ControllersAreEnabledFromTheRootDown) {
  CgroupConstruction construction(hierarchies_, "pods/one");
  Result<> enabled = construction.EnableControllers();
  ASSERT_TRUE(enabled) << enabled.error().ToString();
  EXPECT_EQ(tree_.Read("cgroup.subtree_control"), "+cpuset +cpu +io +memory +pids");
  // Plain files keep what is beyond the write.
  EXPECT_EQ(tree_.Read("pods/cgroup.subtree_control"), "+cpuset +io +pids");
}

TEST_F(V2TreeTest, WhatIsEnabledAlreadyIsNotWritten) {
  tree_.Write("pods/one/cgroup.controllers", "cpu cpuset io memory pids\n");
  CgroupConstruction construction(hierarchies_, "pods/one");
  ASSERT_TRUE(construction.EnableControllers());
  EXPECT_EQ(tree_.Read("cgroup.subtree_control"), "");
  EXPECT_EQ(tree_.Read("pods/cgroup.subtree_control"), "cpu memory\n");
}

TEST(ValueOfKeyTest, FindsWholeKeysOnly) {
  std::string_view text = "oom 1\noom_kill 23\noom_kill_disable 4\n";
  EXPECT_EQ(ValueOfKey(text, "oom"), 1);
  EXPECT_EQ(ValueOfKey(text, "oom_kill"), 23);
  EXPECT_EQ(ValueOfKey(text, "kill"), 0);
  EXPECT_EQ(ValueOfKey("", "oom"), 0);
}

}  // namespace
}  // namespace davit::cri
