// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/source_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>

namespace davit::local {
namespace {

TEST(SourceCheck, NamesTheSourceThatDoesNotExist) {
  SourceCheck check;
  EXPECT_TRUE(check.Check({}));
  EXPECT_TRUE(check.Check({"/", "/proc/self"}));
  Result<> missing = check.Check({"/", "/no/such/dir"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kInvalidArgument);
  EXPECT_THAT(missing.error().ToString(), ::testing::HasSubstr("/no/such/dir"));
}

TEST(SourceCheck, WhatHangsTakesAShortTimeAndAFewThreads) {
  auto released = std::make_shared<std::latch>(1);
  auto looks = std::make_shared<std::atomic<int>>(0);
  auto hang = [released, looks](const std::string& path) {
    ++*looks;
    if (path == "/hangs") released->wait();
    return ENOENT;
  };
  SourceCheck check(hang, std::chrono::milliseconds(20));
  for (int i = 0; i < 3 * SourceCheck::kMost; ++i) EXPECT_TRUE(check.Check({"/hangs"}));
  EXPECT_EQ(*looks, SourceCheck::kMost);
  EXPECT_TRUE(check.Check({"/other"})) << "not looked at";
  released->count_down();
  bool refused = false;
  for (int i = 0; i < 1000 && !refused; ++i) refused = !check.Check({"/other"});
  EXPECT_TRUE(refused) << "the threads have come back";
}

}  // namespace
}  // namespace davit::local
