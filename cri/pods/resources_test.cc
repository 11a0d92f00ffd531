// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/resources.h"

#include <gtest/gtest.h>

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

TEST(MergeResources, ChangesOnlyWhatIsSet) {
  v1::LinuxContainerResources resources;
  resources.set_cpu_shares(512);
  resources.set_memory_limit_in_bytes(100);
  resources.add_hugepage_limits()->set_limit(1);
  v1::LinuxContainerResources change;
  change.set_memory_limit_in_bytes(200);
  change.add_hugepage_limits()->set_limit(2);
  MergeResources(resources, change);
  EXPECT_EQ(resources.cpu_shares(), 512);
  EXPECT_EQ(resources.memory_limit_in_bytes(), 200);
  ASSERT_EQ(resources.hugepage_limits_size(), 1);
  EXPECT_EQ(resources.hugepage_limits(0).limit(), 2);
}

TEST(AddOverhead, SumsWhatBothSet) {
  v1::LinuxContainerResources pod;
  pod.set_cpu_shares(100);
  pod.set_cpu_period(100'000);
  pod.set_cpu_quota(50'000);
  v1::LinuxContainerResources overhead;
  overhead.set_cpu_shares(20);
  overhead.set_cpu_period(100'000);
  overhead.set_cpu_quota(10'000);
  overhead.set_memory_limit_in_bytes(64);
  v1::LinuxContainerResources sum = AddOverhead(pod, overhead);
  EXPECT_EQ(sum.cpu_shares(), 120);
  EXPECT_EQ(sum.cpu_quota(), 60'000);
  EXPECT_EQ(sum.memory_limit_in_bytes(), 0) << "a pod without a memory limit stays without one";
}

TEST(MergeResources, LeavesTheOomScoreAlone) {
  v1::LinuxContainerResources resources;
  resources.set_oom_score_adj(500);
  v1::LinuxContainerResources change;
  change.set_oom_score_adj(900);
  MergeResources(resources, change);
  EXPECT_EQ(resources.oom_score_adj(), 500);
}

TEST(AddOverhead, SharesThatMeanNoneAreNotAddedUp) {
  v1::LinuxContainerResources pod;
  pod.set_cpu_shares(2);
  v1::LinuxContainerResources overhead;
  overhead.set_cpu_shares(256);
  EXPECT_EQ(AddOverhead(pod, overhead).cpu_shares(), 256);
  overhead.set_cpu_shares(2);
  pod.set_cpu_shares(256);
  EXPECT_EQ(AddOverhead(pod, overhead).cpu_shares(), 256);
}

TEST(AddOverhead, AnUnlimitedQuotaStaysUnlimited) {
  v1::LinuxContainerResources pod;
  pod.set_cpu_quota(-1);
  v1::LinuxContainerResources overhead;
  overhead.set_cpu_quota(10'000);
  EXPECT_EQ(AddOverhead(pod, overhead).cpu_quota(), -1);
}

}  // namespace
}  // namespace davit::cri
