// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/cpu_rate.h"

#include <gtest/gtest.h>

namespace davit::cri {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(CpuRate, TheFirstReadingHasNoRate) {
  CpuRate rate;
  EXPECT_FALSE(rate.Add(0, 5 * kSecond));
}

TEST(CpuRate, IsTheCpuTimeBetweenTwoReadings) {
  CpuRate rate;
  rate.Add(0, 1 * kSecond);
  EXPECT_EQ(rate.Add(10'000, 6 * kSecond), kSecond / 2);
  EXPECT_EQ(rate.Add(20'000, 6 * kSecond), 0U);
  EXPECT_EQ(rate.Add(21'000, 10 * kSecond), 4 * kSecond);
}

TEST(CpuRate, IsOverASecondAtLeast) {
  CpuRate rate;
  rate.Add(0, 0);
  EXPECT_FALSE(rate.Add(1, kSecond / 1000)) << "nothing a second old to compare with";
  EXPECT_EQ(rate.Add(10'000, 10 * kSecond), kSecond);
  EXPECT_EQ(rate.Add(10'001, 10 * kSecond), 10 * kSecond * 1000 / 10'001) << "not 0 over a millisecond";
}

TEST(CpuRate, AClientThatAsksOftenLeavesTheOthersTheirFigures) {
  CpuRate rate;
  uint64_t used = 0;
  for (int64_t at = 0; at <= 20'000; at += 50) {
    std::optional<uint64_t> now = rate.Add(at, used);
    if (at >= 1'000) {
      EXPECT_EQ(now, kSecond / 4) << at;
    }
    used += kSecond / 4 / 20;
  }
}

TEST(CpuRate, AnOldReadingIsNoneToCompareWith) {
  CpuRate rate;
  rate.Add(0, 0);
  EXPECT_FALSE(rate.Add(300'001, kSecond));
  EXPECT_EQ(rate.Add(302'001, 3 * kSecond), kSecond);
}

TEST(CpuRate, AReadingOfFiveMinutesAgoIsOneToCompareWith) {
  CpuRate rate;
  rate.Add(0, 0);
  EXPECT_EQ(rate.Add(300'000, 300 * kSecond), kSecond);
}

TEST(CpuRate, ACounterThatWentBackBeginsAgain) {
  CpuRate rate;
  rate.Add(0, 9 * kSecond);
  EXPECT_FALSE(rate.Add(10'000, 1 * kSecond));
  EXPECT_EQ(rate.Add(20'000, 2 * kSecond), kSecond / 10);
}

}  // namespace
}  // namespace davit::cri
