// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/node_cgroups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cri {
namespace {

using testing::HasSubstr;

TEST(CgroupDriverChoiceTest, AutoTakesSystemdWhereItCanWork) {
  EXPECT_EQ(*ChooseCgroupDriver(CgroupDriverChoice::kAuto, CgroupMode::kV2, true), CgroupDriver::kSystemd);
  EXPECT_EQ(*ChooseCgroupDriver(CgroupDriverChoice::kAuto, CgroupMode::kV2, false), CgroupDriver::kCgroupfs);
  for (CgroupMode mode : {CgroupMode::kHybrid, CgroupMode::kV1})
    EXPECT_EQ(*ChooseCgroupDriver(CgroupDriverChoice::kAuto, mode, true), CgroupDriver::kCgroupfs);
}

TEST(CgroupDriverChoiceTest, AChoiceIsKeptOrRefusedWithTheReason) {
  EXPECT_EQ(*ChooseCgroupDriver(CgroupDriverChoice::kCgroupfs, CgroupMode::kV2, true),
            CgroupDriver::kCgroupfs);
  EXPECT_EQ(*ChooseCgroupDriver(CgroupDriverChoice::kSystemd, CgroupMode::kV2, true), CgroupDriver::kSystemd);
  auto no_systemd = ChooseCgroupDriver(CgroupDriverChoice::kSystemd, CgroupMode::kV2, false);
  ASSERT_FALSE(no_systemd);
  EXPECT_EQ(no_systemd.error().code, Code::kUnimplemented);
  EXPECT_THAT(no_systemd.error().ToString(), HasSubstr("/run/systemd/system"));
  auto no_v2 = ChooseCgroupDriver(CgroupDriverChoice::kSystemd, CgroupMode::kHybrid, true);
  ASSERT_FALSE(no_v2);
  EXPECT_THAT(no_v2.error().ToString(), HasSubstr("cgroup v1"));
}

}  // namespace
}  // namespace davit::cri
