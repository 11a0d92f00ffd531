// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How long verbs wait, on a clock that the tests set.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class Patience : public ::testing::Test {
 protected:
  // Calls `verb` on another thread, and returns once it waits.
  std::future<Result<>> BeginWaiting(std::function<Result<>()> verb) {
    std::future<Result<>> outcome = std::async(std::launch::async, std::move(verb));
    EXPECT_TRUE(world_.Eventually([&] { return world_.clock.waiting() > 0; }));
    return outcome;
  }
  std::future<Result<>> BeginStop(int64_t grace_seconds) {
    return BeginWaiting(
        [this, grace_seconds] { return world_.StopContainer(pod_.container, grace_seconds); });
  }
  bool Killed() const { return std::ranges::count(world_.shims.LogOf(pod_.sandbox), "KillContainer") > 0; }
  static bool Ended(const std::future<Result<>>& outcome, std::chrono::milliseconds within) {
    return outcome.wait_for(within) == std::future_status::ready;
  }

  World world_;
  World::Pod pod_ = world_.RunPod();
};

TEST_F(Patience, AStopKillsWhenTheGracePeriodHasPassedAndNotBefore) {
  std::future<Result<>> stop = BeginStop(/*grace_seconds=*/30);
  world_.clock.Advance(seconds(25));
  EXPECT_FALSE(Ended(stop, std::chrono::milliseconds(50)));
  EXPECT_FALSE(Killed());
  world_.clock.Advance(seconds(5));
  ASSERT_TRUE(stop.get());
  EXPECT_TRUE(Killed());
  EXPECT_EQ(world_.StatusOf(pod_.container).exit_code(), 137);
}

TEST_F(Patience, AStopWhoseCallerTimesOutInTheGracePeriodDoesNotKill) {
  std::future<Result<>> stop = BeginStop(/*grace_seconds=*/3600);
  world_.clock.Advance(seconds(61));
  Result<> outcome = stop.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(outcome.error().ToString(), HasSubstr("its grace period has not passed yet"));
  EXPECT_FALSE(Killed());
}

TEST_F(Patience, AStopReportsWhatOutlivesSigkill) {
  world_.shims.SetMood(pod_.sandbox, ShimMood::kSilent);
  std::future<Result<>> stop = BeginStop(/*grace_seconds=*/0);
  EXPECT_FALSE(Ended(stop, std::chrono::milliseconds(50)));
  world_.clock.Advance(seconds(61));
  Result<> outcome = stop.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(outcome.error().ToString(), HasSubstr("it is still running after SIGKILL"));
}

TEST_F(Patience, AShimThatDoesNotReportADeathIsKilledAfterTenSeconds) {
  world_.shims.SetMood(pod_.sandbox, ShimMood::kSilent);
  std::future<Result<>> stop = BeginWaiting([this] { return world_.StopSandbox(pod_.sandbox); });
  world_.clock.Advance(seconds(5));
  EXPECT_FALSE(Ended(stop, std::chrono::milliseconds(50)));
  EXPECT_TRUE(world_.shims.alive().contains(pod_.sandbox));
  world_.clock.Advance(seconds(5));
  ASSERT_TRUE(stop.get());
  EXPECT_FALSE(world_.shims.alive().contains(pod_.sandbox));
  EXPECT_EQ(world_.StatusOf(pod_.container).state(), v1::CONTAINER_EXITED);
}

}  // namespace
}  // namespace davit::cri
