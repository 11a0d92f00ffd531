// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EventLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<EventLog::Watch> Begin(EventLog& log, int64_t since = 0) {
    return log.Begin(since, [this] { ++news_; }, [this] { ++cut_; });
  }
  static std::vector<std::string> All(EventLog::Watch& watch) {
    std::vector<std::string> actions;
    for (auto next = watch.Next(); next && *next != nullptr; next = watch.Next())
      actions.push_back((*next)->action());
    return actions;
  }

  cri::ManualClock clock_;
  EventLog log_{clock_};
  int news_ = 0;
  int cut_ = 0;
};

TEST_F(EventLogTest, AWatchGetsTheKeptOnesFromATimeOnAndAllNewOnes) {
  log_.Note("volume", "one", "v", {});
  clock_.Advance(std::chrono::seconds(10));
  int64_t since = clock_.UnixNanoseconds();
  log_.Note("volume", "two", "v", {{"k", "w"}});
  auto old_ones = Begin(log_, 1);
  auto some = Begin(log_, since);
  auto new_ones = Begin(log_);
  EXPECT_THAT(All(*new_ones), IsEmpty());
  log_.Note("volume", "three", "v", {});
  EXPECT_THAT(All(*old_ones), ElementsAre("one", "two", "three"));
  EXPECT_THAT(All(*some), ElementsAre("two", "three"));
  EXPECT_THAT(All(*new_ones), ElementsAre("three"));
  EXPECT_EQ(news_, 1) << "of the one that had nothing to read";
  auto again = Begin(log_, since);
  auto event = again->Next().value();
  EXPECT_EQ(event->type(), "volume");
  EXPECT_EQ(event->id(), "v");
  EXPECT_EQ(event->attributes().at("k"), "w");
  EXPECT_GE(event->happened_at(), since);
}

TEST_F(EventLogTest, KeepsTheLastOnes) {
  for (size_t i = 0; i < EventLog::kMostKept + 5; ++i) log_.Note("volume", std::to_string(i), "v", {});
  auto watch = Begin(log_, 1);
  std::vector<std::string> kept = All(*watch);
  EXPECT_EQ(kept.size(), EventLog::kMostKept);
  EXPECT_EQ(kept.front(), "5");
}

TEST_F(EventLogTest, OneThatDoesNotReadIsCutOff) {
  auto slow = Begin(log_);
  auto other = Begin(log_);
  std::string long_id(1000, 'x');
  for (int i = 0; i < 2000; ++i) {
    log_.Note("volume", "create", long_id, {});
    All(*other);
  }
  EXPECT_EQ(cut_, 1);
  EXPECT_EQ(slow->Next().error().code, Code::kResourceExhausted);
  EXPECT_TRUE(other->Next());
}

// "type action name exitCode|signal".
class NotedEvents : public ::testing::Test {
 protected:
  NotedEvents() : watch_(w_.events.Begin(0, [] {}, [] {})) {}

  std::vector<std::string> Actions() {
    for (auto next = watch_->Next(); next && *next != nullptr; next = watch_->Next()) {
      std::string text = (*next)->type() + " " + (*next)->action();
      for (const char* name : {"exitCode", "signal", "oldName"})
        if ((*next)->attributes().contains(name)) text += " " + (*next)->attributes().at(name);
      actions_.push_back(text);
    }
    return actions_;
  }
  LocalContainers& local() { return w_.local(); }
  int64_t Deadline() const { return w_.Deadline(); }

  LocalWorld w_;
  std::unique_ptr<EventLog::Watch> watch_;
  std::vector<std::string> actions_;
};

TEST_F(NotedEvents, OfALife) {
  std::string id = w_.RunContainer("web");
  ASSERT_TRUE(local().Pause("web", Deadline()));
  ASSERT_TRUE(local().Unpause("web", Deadline()));
  ASSERT_TRUE(local().Rename("web", "front"));
  ASSERT_TRUE(local().Restart("front", 0, Deadline()));
  ASSERT_TRUE(local().Kill("front", SIGKILL, Deadline()));
  ASSERT_TRUE(local().Start("front", Deadline()));
  ASSERT_TRUE(local().Stop("front", 0, Deadline()));
  ASSERT_TRUE(local().Stop("front", 0, Deadline())) << "which stops nothing";
  ASSERT_TRUE(local().Start("front", Deadline()));
  w_.Exit(id, 3);
  ASSERT_TRUE(w_.Becomes("front", api::ContainerState::EXITED));
  ASSERT_TRUE(local().Remove("front", /*force=*/false, Deadline()));
  EXPECT_THAT(Actions(),
              ElementsAre("container create", "container start", "container pause", "container unpause",
                          "container rename web", "container die 137", "container stop", "container start",
                          "container restart", "container kill 9", "container die 137", "container start",
                          "container die 137", "container stop", "container start", "container die 3",
                          "container destroy"));
}

TEST_F(NotedEvents, OfHealthAndUpdatesAndVolumes) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.mutable_health()->add_test("CMD");
  spec.mutable_health()->add_test("probe");
  spec.mutable_health()->set_interval(1'000'000);
  spec.add_volumes()->set_volume("data");
  spec.mutable_volumes(0)->set_target("/data");
  w_.world.shims.EndExecsWith(0);
  w_.RunContainer("web", spec);
  auto healthy = [&] { return w_.StateOf("web").health().log_size() >= 2; };
  ASSERT_TRUE(w_.world.Eventually(healthy));
  api::ContainerUpdate update;
  update.set_pids_limit(9);
  ASSERT_TRUE(local().Update("web", update, Deadline()));
  ASSERT_TRUE(local().Remove("web", /*force=*/true, Deadline()));
  ASSERT_TRUE(w_.volumes().Remove("data"));
  EXPECT_THAT(Actions(),
              ElementsAre("volume create", "container create", "container start",
                          "container health_status: healthy", "container update", "container kill 9",
                          "container die 137", "container destroy", "volume destroy"));
}

TEST_F(NotedEvents, OfAStartThatFailsAndOfAnEndThatNobodySaw) {
  std::string id = w_.RunContainer("web");
  w_.Restart(
      [&] { w_.world.shims.Die(w_.world.shims.alive().empty() ? "" : *w_.world.shims.alive().begin()); });
  ASSERT_TRUE(w_.Becomes("web", api::ContainerState::EXITED));
  w_.world.steps.Fail("shim.StartContainer");
  EXPECT_FALSE(local().Start("web", Deadline()));
  EXPECT_THAT(Actions(),
              ElementsAre("container create", "container start", "container die 255", "container die 125"));
}

}  // namespace
}  // namespace davit::local
