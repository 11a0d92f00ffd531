// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/source_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <latch>
#include <thread>

#include "base/time.h"

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

bool Soon(const std::function<bool()>& reached) {
  int64_t deadline_ms = MonotonicMilliseconds() + 60'000;
  while (!reached()) {
    if (MonotonicMilliseconds() > deadline_ms) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
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
  EXPECT_TRUE(Soon([&] { return *looks == SourceCheck::kMost; }));
  EXPECT_TRUE(check.Check({"/other"})) << "not looked at";
  EXPECT_EQ(*looks, SourceCheck::kMost);
  released->count_down();
  EXPECT_TRUE(Soon([&] { return !check.Check({"/other"}); })) << "the threads have come back";
}

}  // namespace
}  // namespace davit::local
