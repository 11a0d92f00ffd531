// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/overlay.h"

#include <gmock/gmock.h>

#include "snapshotter/testing/scratch.h"

namespace davit::snapshotter {
namespace {

using ::testing::HasSubstr;

TEST(OverlayMethod, PrefersDescriptorsThenPaths) {
  EXPECT_EQ(*ChooseOverlayMethod({.lower_by_fd = true, .lower_by_path = true}, 5, 80, 150),
            OverlayMethod::kFds);
  EXPECT_EQ(*ChooseOverlayMethod({.lower_by_fd = false, .lower_by_path = true}, 500, 9000, 9000),
            OverlayMethod::kPaths);
}

TEST(OverlayMethod, GoesByTheLengthOfTheOptionsOnAnOldKernel) {
  OverlaySupport none;
  EXPECT_EQ(*ChooseOverlayMethod(none, 14, 255, 300), OverlayMethod::kOneString);
  EXPECT_EQ(*ChooseOverlayMethod(none, 15, 256, 300), OverlayMethod::kMountCall);
  EXPECT_EQ(*ChooseOverlayMethod(none, 500, 9000, 4095), OverlayMethod::kMountCall);
}

TEST(OverlayMethod, RefusesWhatNoMethodCanMount) {
  auto too_long = ChooseOverlayMethod({}, 499, 9000, 4096);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, Code::kInvalidArgument);
  EXPECT_THAT(too_long.error().ToString(), HasSubstr("499 layers"));
  auto too_many = ChooseOverlayMethod({.lower_by_fd = true, .lower_by_path = true}, 501, 1, 1);
  ASSERT_FALSE(too_many);
  EXPECT_THAT(too_many.error().ToString(), HasSubstr("501 layers: overlayfs takes 500"));
}

class OverlayTest : public ScratchTest {
 protected:
  UniqueFd Make(const std::string& name) {
    mkdirat(dir_.get(), name.c_str(), 0755);
    return UniqueFd(openat(dir_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  OverlayDirs MakeDirs() {
    OverlayDirs dirs;
    dirs.lowers.push_back(Make("lower"));
    dirs.upper = Make("upper");
    dirs.work = Make("work");
    return dirs;
  }
};

TEST_F(OverlayTest, WhatTheProbeFindsCanBeUsed) {
  auto support = ProbeOverlay(dir_.get());
  ASSERT_TRUE(support) << support.error().ToString();
  auto mounted = MountOverlay(*support, MakeDirs());
  EXPECT_TRUE(mounted) << mounted.error().ToString();
}

TEST_F(OverlayTest, AnErrorCarriesTheKernelsReason) {
  auto support = ProbeOverlay(dir_.get());
  ASSERT_TRUE(support) << support.error().ToString();
  ASSERT_TRUE(MountOverlay(*support, MakeDirs()));
  auto again = MountOverlay(*support, MakeDirs());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().os_errno, EINVAL);
  EXPECT_THAT(again.error().ToString(), HasSubstr("overlay create"));
}

}  // namespace
}  // namespace davit::snapshotter
