// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Against a filesystem of the test's: kernels without CONFIG_QFMT_V2 have no project quotas.
#include "snapshotter/project_quota.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>

namespace davit::snapshotter {
namespace {

const std::string kId = "0000001000000200000030000004000000500000060000007000000800000009a";
constexpr int kUpper = 10;
constexpr int kWork = 11;
constexpr uint32_t kFirst = 0x40000001;
constexpr uint32_t kSecond = 0x40000002;

class ProjectQuotaTest : public testing::Test {
 protected:
  ProjectQuota::Calls Calls() {
    return {[this](int) { return counts_; },
            [this](int directory) -> Result<uint32_t> { return projects_[directory]; },
            [this](int directory, uint32_t project) -> Result<> {
              if (refused_.contains(directory) && project != 0)
                return Fail(Code::kInternal, "set", "project");
              projects_[directory] = project;
              return {};
            },
            [this](int, uint32_t project) -> Result<DiskUsage> { return usage_[project]; }};
  }

  bool counts_ = true;
  std::map<int, uint32_t> projects_;
  std::map<uint32_t, DiskUsage> usage_;
  std::set<int> refused_;
};

TEST_F(ProjectQuotaTest, IsThereWhereTheFilesystemCountsProjects) {
  EXPECT_TRUE(ProjectQuota::Detect(1, Calls()));
  counts_ = false;
  EXPECT_FALSE(ProjectQuota::Detect(1, Calls()));
}

TEST_F(ProjectQuotaTest, LeavesADirectoryThatTheAdministratorCounts) {
  projects_[1] = 42;
  EXPECT_FALSE(ProjectQuota::Detect(1, Calls()));
}

TEST_F(ProjectQuotaTest, OneProjectCountsForBothDirectories) {
  auto quota = ProjectQuota::Detect(1, Calls());
  ASSERT_TRUE(quota->Assign(kId, {kUpper, kWork}));
  EXPECT_EQ(projects_[kUpper], kFirst);
  EXPECT_EQ(projects_[kWork], kFirst);
  usage_[kFirst] = {4096, 2};
  EXPECT_EQ(quota->UsageOf(kUpper), (DiskUsage{4096, 2}));
}

TEST_F(ProjectQuotaTest, AProjectThatCountsForSomethingElseIsNotTaken) {
  usage_[kFirst] = {4096, 1};
  auto quota = ProjectQuota::Detect(1, Calls());
  ASSERT_TRUE(quota->Assign(kId, {kUpper, kWork}));
  EXPECT_EQ(projects_[kUpper], kSecond);
}

TEST_F(ProjectQuotaTest, ASecondStartGivesTheFreshWorkDirectoryTheSameProject) {
  auto quota = ProjectQuota::Detect(1, Calls());
  ASSERT_TRUE(quota->Assign(kId, {kUpper, kWork}));
  usage_[kFirst] = {4096, 2};
  projects_[kWork] = 0;
  ASSERT_TRUE(quota->Assign(kId, {kUpper, kWork}));
  EXPECT_EQ(projects_[kWork], kFirst);
}

TEST_F(ProjectQuotaTest, BothDirectoriesHaveItOrNone) {
  refused_ = {kWork};
  auto quota = ProjectQuota::Detect(1, Calls());
  EXPECT_FALSE(quota->Assign(kId, {kUpper, kWork}));
  EXPECT_EQ(projects_[kUpper], 0U);
  EXPECT_FALSE(quota->UsageOf(kUpper)) << "it is walked over";
}

TEST_F(ProjectQuotaTest, AKernelWithoutProjectQuotasIsAskedWithoutHarm) {
  EXPECT_FALSE(ProjectQuota::Detect(STDIN_FILENO));
}

}  // namespace
}  // namespace davit::snapshotter
