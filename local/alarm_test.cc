// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/alarm.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "base/time.h"

namespace davit::local {
namespace {

class AlarmTest : public ::testing::Test {
 protected:
  bool RingsWithin(int64_t ms, int times) {
    int64_t deadline = MonotonicMilliseconds() + ms;
    while (rings_ < times && MonotonicMilliseconds() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return rings_ >= times;
  }

  std::unique_ptr<Reactor> reactor_ = Reactor::Start().value();
  std::atomic<int> rings_ = 0;
};

TEST_F(AlarmTest, RingsAtTheEarliestTime) {
  Alarm alarm(*reactor_, [&] { ++rings_; });
  ASSERT_TRUE(alarm.Begin());
  int64_t began = MonotonicMilliseconds();
  alarm.RingIn(3'600'000);
  alarm.RingIn(30);
  alarm.RingIn(60'000);
  ASSERT_TRUE(RingsWithin(10'000, 1));
  EXPECT_GE(MonotonicMilliseconds(), began + 30);
  EXPECT_EQ(rings_, 1);
  alarm.RingIn(-5);
  EXPECT_TRUE(RingsWithin(10'000, 2)) << "at once";
}

TEST_F(AlarmTest, RingsForWhatWasAskedBeforeItsBegin) {
  Alarm alarm(*reactor_, [&] { ++rings_; });
  alarm.RingIn(0);
  ASSERT_TRUE(alarm.Begin());
  EXPECT_TRUE(RingsWithin(10'000, 1));
}

TEST_F(AlarmTest, RingsAgainAfterAnException) {
  Alarm alarm(*reactor_, [&] {
    ++rings_;
    throw std::runtime_error("the test wants it");
  });
  ASSERT_TRUE(alarm.Begin());
  alarm.RingIn(0);
  ASSERT_TRUE(RingsWithin(10'000, 1));
  alarm.RingIn(0);
  EXPECT_TRUE(RingsWithin(10'000, 2));
}

TEST_F(AlarmTest, DoesNothingAfterItsEnd) {
  Alarm alarm(*reactor_, [&] { ++rings_; });
  ASSERT_TRUE(alarm.Begin());
  alarm.RingIn(20);
  alarm.End();
  alarm.RingIn(0);
  EXPECT_FALSE(RingsWithin(50, 1));
}

}  // namespace
}  // namespace davit::local
