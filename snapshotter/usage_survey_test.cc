// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/usage_survey.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/time.h"

namespace davit {
namespace {

int64_t In(int64_t ms) {
  return MonotonicMilliseconds() + ms;
}

TEST(UsageSurvey, TheFirstReadingIsWaitedFor) {
  UsageSurvey survey([](const std::string& id, const std::atomic<bool>&) -> Result<DiskUsage> {
    return DiskUsage{.bytes = id.size(), .inodes = 1};
  });
  int64_t before = UnixNanoseconds();
  auto reading = survey.Get("four", In(30'000));
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->usage, (DiskUsage{4, 1}));
  EXPECT_GE(reading->taken_at, before);
}

TEST(UsageSurvey, AYoungReadingIsNotTakenAgain) {
  std::atomic<int> walks = 0;
  UsageSurvey survey([&](const std::string&, const std::atomic<bool>&) -> Result<DiskUsage> {
    ++walks;
    return DiskUsage{};
  });
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(survey.Get("a", In(30'000)));
  EXPECT_EQ(walks, 1);
}

TEST(UsageSurvey, AnOldReadingIsAnsweredWhileTheNextIsTaken) {
  std::promise<void> go;
  std::promise<void> again;
  std::atomic<int> walks = 0;
  UsageSurvey survey(
      [&](const std::string&, const std::atomic<bool>&) -> Result<DiskUsage> {
        if (++walks == 2) {
          again.set_value();
          go.get_future().wait();
        }
        return DiskUsage{.bytes = static_cast<uint64_t>(walks), .inodes = 1};
      },
      /*longest_age_ms=*/0);
  EXPECT_EQ(survey.Get("a", In(30'000))->usage.bytes, 1U);
  EXPECT_EQ(survey.Get("a", In(30'000))->usage.bytes, 1U);
  again.get_future().wait();
  EXPECT_EQ(survey.Get("a", In(30'000))->usage.bytes, 1U) << "while the second walk goes on";
  go.set_value();
  while (survey.Get("a", In(30'000))->usage.bytes == 1) std::this_thread::yield();
}

TEST(UsageSurvey, NobodyWaitsLongerThanTheDeadline) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  UsageSurvey survey([gone](const std::string&, const std::atomic<bool>&) -> Result<DiskUsage> {
    gone.wait();
    return DiskUsage{};
  });
  EXPECT_FALSE(survey.Get("a", In(10)));
  EXPECT_FALSE(survey.Get("b", In(0)));
  go.set_value();
  EXPECT_TRUE(survey.Get("b", In(30'000)));
}

TEST(UsageSurvey, AWalkIsGivenUpWhenTheSurveyEnds) {
  std::promise<void> walking;
  auto survey = std::make_unique<UsageSurvey>(
      [&](const std::string&, const std::atomic<bool>& stop) -> Result<DiskUsage> {
        walking.set_value();
        while (!stop) std::this_thread::yield();
        return Fail(Code::kCancelled, "measure", "a");
      });
  EXPECT_FALSE(survey->Get("a", In(0)));
  walking.get_future().wait();
  survey.reset();
}

TEST(UsageSurvey, WhatIsGoneHasNoReading) {
  UsageSurvey survey([](const std::string& id, const std::atomic<bool>&) -> Result<DiskUsage> {
    return Fail(Code::kNotFound, "open", id);
  });
  EXPECT_FALSE(survey.Get("a", In(30'000)));
}

}  // namespace
}  // namespace davit
