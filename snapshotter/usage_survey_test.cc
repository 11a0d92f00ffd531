// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/usage_survey.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <future>
#include <latch>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "base/time.h"

namespace davit::snapshotter {
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

TEST(UsageSurvey, AWalkThatThrowsIsNoReadingAndTheNextOneIs) {
  UsageSurvey survey([](const std::string& id, const std::atomic<bool>&) -> Result<DiskUsage> {
    if (id == "bad") throw std::bad_alloc();
    return DiskUsage{};
  });
  EXPECT_FALSE(survey.Get("bad", In(100)));
  EXPECT_TRUE(survey.Get("good", In(30'000)));
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
      {.longest_age_ms = 0, .oldest_age_ms = 120'000, .now_ms = nullptr, .processor_ms = nullptr});
  EXPECT_EQ(survey.Get("a", In(30'000))->usage.bytes, 1U);
  EXPECT_EQ(survey.Get("a", In(30'000))->usage.bytes, 1U);
  again.get_future().wait();
  EXPECT_EQ(survey.Get("a", In(30'000))->usage.bytes, 1U) << "while the second walk goes on";
  go.set_value();
  while (survey.Get("a", In(30'000))->usage.bytes == 1)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
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

// Time stands still unless a test moves it.
class UsageSurveyOnABusyNode : public testing::Test {
 protected:
  UsageSurvey::Options Options() {
    return {.longest_age_ms = 10'000,
            .oldest_age_ms = 120'000,
            .now_ms = [this] { return now_ms_.load(); },
            .processor_ms = [this] { return processor_ms_.load(); }};
  }
  // Each walk takes so much of both.
  UsageSurvey::Measure Walks(int64_t time_ms, int64_t processor_ms) {
    return [this, time_ms, processor_ms](const std::string&, const std::atomic<bool>&) -> Result<DiskUsage> {
      now_ms_ += time_ms;
      processor_ms_ += processor_ms;
      return DiskUsage{.bytes = static_cast<uint64_t>(++walks_), .inodes = 1};
    };
  }
  void AwaitWalk(UsageSurvey& survey, const std::string& id, uint64_t number) {
    int64_t deadline = In(30'000);
    while (survey.Get(id, In(30'000))->usage.bytes < number) {
      ASSERT_LT(MonotonicMilliseconds(), deadline) << "walk " << number << " is not made";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<int64_t> now_ms_ = 1'000'000;
  std::atomic<int64_t> processor_ms_ = 0;
  std::atomic<int> walks_ = 0;
};

TEST_F(UsageSurveyOnABusyNode, WhatTakesLongButLittleProcessorTimeIsMeasuredAgainSoon) {
  UsageSurvey survey(Walks(/*time_ms=*/60'000, /*processor_ms=*/10), Options());
  ASSERT_TRUE(survey.Get("a", In(30'000)));
  now_ms_ += 9'999;
  ASSERT_TRUE(survey.Get("a", In(30'000)));
  EXPECT_EQ(walks_, 1);
  now_ms_ += 1;
  AwaitWalk(survey, "a", 2);
}

TEST_F(UsageSurveyOnABusyNode, WhatTakesMuchProcessorTimeIsMeasuredLessOften) {
  UsageSurvey survey(Walks(/*time_ms=*/3'000, /*processor_ms=*/3'000), Options());
  ASSERT_TRUE(survey.Get("a", In(30'000)));
  now_ms_ += 59'999;
  ASSERT_TRUE(survey.Get("a", In(30'000)));
  EXPECT_EQ(walks_, 1);
  now_ms_ += 1;
  AwaitWalk(survey, "a", 2);
}

TEST_F(UsageSurveyOnABusyNode, NoReadingIsOlderThanTwoMinutesWhateverItsWalkCosts) {
  UsageSurvey survey(Walks(/*time_ms=*/50'000, /*processor_ms=*/50'000), Options());
  ASSERT_TRUE(survey.Get("a", In(30'000)));
  now_ms_ += 70'000;  // the next walk will take the other 50 seconds
  AwaitWalk(survey, "a", 2);
}

TEST_F(UsageSurveyOnABusyNode, ALongWalkIsInNobodysWay) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  UsageSurvey survey(
      [&](const std::string& id, const std::atomic<bool>&) -> Result<DiskUsage> {
        bool again = ++walks_ > 2;
        if (id == "b") return DiskUsage{};
        if (again) gone.wait();
        processor_ms_ += 5'000;
        return DiskUsage{};
      },
      Options());
  ASSERT_TRUE(survey.Get("long1", In(30'000)));
  ASSERT_TRUE(survey.Get("long2", In(30'000)));
  now_ms_ += 100'000;
  ASSERT_TRUE(survey.Get("long1", In(30'000)));
  ASSERT_TRUE(survey.Get("long2", In(30'000)));
  while (walks_ < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(survey.Get("b", In(30'000))) << "while one long walk is made and another waits for its end";
  go.set_value();
}

TEST_F(UsageSurveyOnABusyNode, TwoRequestsAtOnceAreMeasuredByTwoThreads) {
  for (int round = 0; round < 50; ++round) {
    std::latch both(2);
    UsageSurvey survey(
        [&](const std::string& id, const std::atomic<bool>& stop) -> Result<DiskUsage> {
          if (id == "first") return DiskUsage{};
          both.count_down();
          while (!both.try_wait() && !stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return DiskUsage{};
        },
        Options());
    ASSERT_TRUE(survey.Get("first", In(30'000)));
    // One thread is idle: it is woken for both.
    EXPECT_FALSE(survey.Get("a", In(0)));
    EXPECT_FALSE(survey.Get("b", In(0)));
    ASSERT_TRUE(survey.Get("b", In(30'000))) << "round " << round;
  }
}

TEST_F(UsageSurveyOnABusyNode, TheShortestWalksComeFirstUnlessOneIsLate) {
  std::latch holding(2);
  std::promise<void> go;
  std::promise<void> go_other;
  std::latch walked(4);
  std::atomic<bool> second_round = false;
  std::mutex mutex;
  std::vector<std::string> order;
  const std::map<std::string, int64_t> costs = {
      {"middle", 500}, {"short", 10}, {"longer", 900}, {"late", 900}};
  UsageSurvey survey(
      [&](const std::string& id, const std::atomic<bool>&) -> Result<DiskUsage> {
        if (id.starts_with("holder")) {
          holding.count_down();
          (id == "holder" ? go : go_other).get_future().wait();
          return DiskUsage{};
        }
        processor_ms_ += costs.at(id);
        if (!second_round) return DiskUsage{};
        std::lock_guard lock(mutex);
        order.push_back(id);
        walked.count_down();
        return DiskUsage{};
      },
      Options());
  ASSERT_TRUE(survey.Get("late", In(30'000)));
  now_ms_ += 50'000;
  for (const char* id : {"longer", "middle", "short"}) ASSERT_TRUE(survey.Get(id, In(30'000)));
  second_round = true;
  // Both threads are busy while the queue fills, then one makes all walks.
  EXPECT_FALSE(survey.Get("holder", In(0)));
  EXPECT_FALSE(survey.Get("holder of the other", In(0)));
  holding.wait();
  now_ms_ += 20'000;
  for (const char* id : {"longer", "middle", "short", "late"}) ASSERT_TRUE(survey.Get(id, In(30'000)));
  go.set_value();
  walked.wait();
  go_other.set_value();
  std::lock_guard lock(mutex);
  EXPECT_THAT(order, testing::ElementsAre("late", "short", "middle", "longer"));
}

TEST_F(UsageSurveyOnABusyNode, AWalkForALateReadingIsNotLeftToIdleTime) {
  errno = 0;
  std::vector<int> priorities;
  std::mutex mutex;
  UsageSurvey survey(
      [&](const std::string&, const std::atomic<bool>&) -> Result<DiskUsage> {
        std::lock_guard lock(mutex);
        priorities.push_back(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())));
        return DiskUsage{.bytes = static_cast<uint64_t>(++walks_), .inodes = 1};
      },
      Options());
  ASSERT_TRUE(survey.Get("a", In(30'000)));
  now_ms_ += 20'000;
  AwaitWalk(survey, "a", 2);
  now_ms_ += 60'000;
  AwaitWalk(survey, "a", 3);
  now_ms_ += 20'000;
  AwaitWalk(survey, "a", 4);
  std::lock_guard lock(mutex);
  if (geteuid() != 0) GTEST_SKIP() << "needs CAP_SYS_NICE";
  EXPECT_THAT(priorities, testing::ElementsAre(19, 19, 0, 19));
}

TEST(UsageSurvey, WhatIsGoneHasNoReading) {
  UsageSurvey survey([](const std::string& id, const std::atomic<bool>&) -> Result<DiskUsage> {
    return Fail(Code::kNotFound, "open", id);
  });
  EXPECT_FALSE(survey.Get("a", In(30'000)));
}

}  // namespace
}  // namespace davit::snapshotter
