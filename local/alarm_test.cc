// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/alarm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/time.h"

namespace davit::local {
namespace {

TEST(Alarm, RingsOncePerTimeWhenItHasCome) {
  auto reactor = Reactor::Start().value();
  std::mutex mutex;
  std::condition_variable rung;
  std::vector<std::string> names;
  Alarm alarm(*reactor, [&](const std::string& name) {
    std::scoped_lock lock(mutex);
    names.push_back(name);
    rung.notify_all();
  });
  int64_t now = MonotonicMilliseconds();
  ASSERT_TRUE(alarm.Set("late", now + 3'600'000));
  ASSERT_TRUE(alarm.Set("first", now + 30));
  ASSERT_TRUE(alarm.Set("second", now + 60));
  ASSERT_TRUE(alarm.Set("second", now - 30));
  std::unique_lock lock(mutex);
  rung.wait(lock, [&] { return names.size() == 3; });
  EXPECT_EQ(std::ranges::count(names, "first"), 1);
  EXPECT_EQ(std::ranges::count(names, "second"), 2);
  EXPECT_GE(MonotonicMilliseconds(), now + 60);
}

TEST(Alarm, MayEndBeforeItRings) {
  auto reactor = Reactor::Start().value();
  {
    Alarm never_set(*reactor, [](const std::string&) { FAIL(); });
  }
  Alarm alarm(*reactor, [](const std::string&) { FAIL(); });
  ASSERT_TRUE(alarm.Set("late", MonotonicMilliseconds() + 60'000));
}

}  // namespace
}  // namespace davit::local
