// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Stops, signals and removals of local containers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <future>
#include <thread>

#include "local/testing/local_containers_fixture.h"

namespace davit::local {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = api::ContainerState;
using When = api::RestartPolicy;
using Condition = api::WaitContainerRequest;

TEST_F(LocalContainersTest, OnlyAForcedRemovalRemovesARunningOne) {
  w_.RunContainer("web");
  Result<> removed = local().Remove("web", /*force=*/false, Deadline());
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_TRUE(local().Remove("web", /*force=*/true, Deadline()));
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }))
      << ::testing::PrintToString(w_.Leftovers());
}

TEST_F(LocalContainersTest, AnAutoRemovedOneIsGoneWhenItHasEnded) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.set_auto_remove(true);
  ASSERT_TRUE(local().Create("job", spec));
  LocalWorld::Waiting removed(local(), "job", Condition::REMOVED);
  ASSERT_TRUE(local().Start("job", Deadline()));
  std::string id = local().Inspect("job")->id();
  w_.Exit(id, 5);
  EXPECT_EQ(removed.ExitCode(), 5);
  EXPECT_EQ(LocalWorld::Waiting(local(), id, Condition::NEXT_EXIT).ExitCode(), 5)
      << "who asks too late is told as well";
  EXPECT_EQ(local().Inspect("job").error().code, Code::kNotFound);
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }));
}

TEST_F(LocalContainersTest, WhatSomebodyHasStoppedStaysStopped) {
  w_.RunContainer("web", LocalWorld::Spec(When::UNLESS_STOPPED));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  w_.Restart();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
}

// Its events do not come; the time that a killed program is given passes in the world's clock.
TEST_F(LocalContainersTest, AContainerWhoseShimHangsCanBeStoppedAndRemoved) {
  std::string id = w_.RunContainer("web");
  w_.world.shims.SetMood(w_.PodsOf(id).at(0).id(), cri::ShimMood::kSilent);
  const int64_t in_an_hour = w_.world.clock.MonotonicMilliseconds() + 3'600'000;
  std::thread stop([&] { EXPECT_TRUE(local().Stop("web", 0, in_an_hour)); });
  while (!w_.HasStatus("web", State::EXITED)) {
    if (w_.world.clock.waiting() > 0) w_.world.clock.Advance(std::chrono::seconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stop.join();
  EXPECT_EQ(w_.StateOf("web").exit_code(), kLostExitCode);
  EXPECT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
}

TEST_F(LocalContainersTest, AFullDiskDoesNotKeepAProgramRunning) {
  std::string id = w_.RunContainer("web");
  w_.world.steps.Fail("store.QueueLocal");
  EXPECT_FALSE(local().Stop("web", 0, Deadline())) << "it is not recorded that somebody has stopped it";
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  EXPECT_THAT(w_.PodsOf(id), IsEmpty());
}

TEST_F(LocalContainersTest, AStopEndsAStartThatHangs) {
  ASSERT_TRUE(local().Create("web", LocalWorld::Spec(When::ALWAYS)));
  std::promise<void> hangs;
  std::promise<void> go;
  w_.world.steps.During("shim.StartContainer", [&] {
    hangs.set_value();
    go.get_future().wait();
  });
  std::thread start([&] { (void)local().Start("web", Deadline()); });
  hangs.get_future().wait();
  std::thread stop([&] { EXPECT_TRUE(local().Stop("web", 0, Deadline())); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  go.set_value();
  start.join();
  stop.join();
  EXPECT_TRUE(w_.Becomes("web", State::EXITED));
  EXPECT_THAT(w_.world.shims.alive(), IsEmpty());
}

// The program does not heed the stop signal.
TEST_F(LocalContainersTest, AStopHasTheContainersOwnGracePeriod) {
  using std::chrono::seconds;
  api::ContainerSpec patient = LocalWorld::Spec();
  patient.set_stop_grace_seconds(20);
  w_.RunContainer("patient", patient);
  w_.RunContainer("usual");
  for (auto [name, grace] : {std::pair("patient", seconds(20)), std::pair("usual", seconds(10))}) {
    std::atomic<bool> stopped = false;
    std::thread stop([&, name = name] {
      EXPECT_TRUE(local().Stop(name, std::nullopt, Deadline()));
      stopped = true;
    });
    EXPECT_TRUE(w_.world.Eventually([&] { return w_.world.clock.waiting() > 0; }));
    w_.world.clock.Advance(grace - seconds(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(stopped) << name;
    w_.world.clock.Advance(seconds(3));
    stop.join();
    EXPECT_EQ(w_.StateOf(name).exit_code(), 137);
  }
}

TEST_F(LocalContainersTest, AStopNamesAPodThatRemainsWhichIsRemovedLater) {
  std::string id = w_.RunContainer("web");
  w_.world.steps.Fail("network.Detach", /*times=*/2);  // one of them may meet the keeper
  Result<> stopped = local().Stop("web", 0, Deadline());
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().ToString(), HasSubstr("it has ended, but what it had remains"));
  EXPECT_THAT(w_.StateOf("web").error(), HasSubstr("the test wants it to fail"));
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING)) << "its ports and its address are not free";
  ASSERT_TRUE(w_.Becomes("web", State::EXITED));
  EXPECT_THAT(w_.PodsOf(id), IsEmpty());
  EXPECT_EQ(w_.StateOf("web").error(), "");
}

TEST_F(LocalContainersTest, AnAutoRemovalThatFailsIsTriedAgain) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.set_auto_remove(true);
  std::string id = w_.RunContainer("job", spec);
  LocalWorld::Waiting removed(local(), "job", Condition::REMOVED);
  w_.world.steps.Fail("snapshots.RemoveContainer");
  w_.Exit(id, 5);
  EXPECT_EQ(removed.ExitCode(), 5);
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }))
      << ::testing::PrintToString(w_.Leftovers());
}

// Its client may be gone.
TEST_F(LocalContainersTest, AnAutoRemovedOneWhoseStartFailsIsRemoved) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.set_auto_remove(true);
  std::string id = local().Create("job", spec)->id;
  w_.world.steps.Fail("shims.Take");
  EXPECT_FALSE(local().Start("job", Deadline()));
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
  EXPECT_EQ(LocalWorld::Waiting(local(), id, Condition::NOT_RUNNING).ExitCode(), shim::kNotStarted);
}

TEST_F(LocalContainersTest, AKilledOneCanBeRemovedOrStartedAtOnce) {
  std::string id = w_.RunContainer("web", LocalWorld::Spec(When::ALWAYS));
  ASSERT_TRUE(local().Kill("web", SIGKILL, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  ASSERT_TRUE(local().Start("web", Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  ASSERT_TRUE(local().Kill("web", SIGKILL, Deadline()));
  EXPECT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
}

// The fakes have no process that could get a signal.
TEST_F(LocalContainersTest, ASignalThatCannotBeSentChangesNothing) {
  std::string id = w_.RunContainer("web", LocalWorld::Spec(When::ALWAYS));
  ASSERT_FALSE(local().Kill("web", SIGHUP, Deadline()));
  w_.Exit(id, 1);
  EXPECT_TRUE(w_.world.Eventually(
      [&] { return w_.HasStatus("web", State::RUNNING) && w_.StateOf("web").restart_count() == 1; }));
}

TEST_F(LocalContainersTest, AStopDuringAStartBeforeItsPodExistsPreventsIt) {
  std::string id = local().Create("web", LocalWorld::Spec(When::ALWAYS))->id;
  std::thread stop;
  w_.world.steps.During("snapshots.Prepare", [&] {
    stop = std::thread([&] { EXPECT_TRUE(local().Stop("web", 0, Deadline())); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  EXPECT_EQ(local().Start("web", Deadline()).error().code, Code::kCancelled);
  stop.join();
  EXPECT_FALSE(w_.HasStatus("web", State::RUNNING));
  EXPECT_THAT(w_.PodsOf(id), IsEmpty());
  EXPECT_THAT(w_.world.shims.alive(), IsEmpty());
}

}  // namespace
}  // namespace davit::local
