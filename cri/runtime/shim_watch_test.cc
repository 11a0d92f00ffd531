// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/shim_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cri/testing/busy_workers.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::Not;

// Exits arrive on the reactor's thread, which serves all shims.
TEST(ShimWatch, AnExitDoesNotWaitForTheDatabase) {
  World world;
  World::Pod pod = world.RunPod();
  world.steps.Reset();
  world.shims.Exit(pod.sandbox, pod.container, 3);
  EXPECT_EQ(world.StatusOf(pod.container).exit_code(), 3);
  EXPECT_THAT(world.steps.taken(), Contains("records.QueueContainer"));
  EXPECT_THAT(world.steps.taken(), Not(Contains("records.PutContainer")));
}

TEST(ShimWatch, AContainerThatStartsAfterTheShimsReportIsNotLost) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::string container = world.CreateContainer(sandbox).value();
  BusyWorkers workers(world, sandbox);
  world.shims.Reconnect(sandbox);
  world.shims.AnswerNow(sandbox);
  ASSERT_TRUE(world.StartContainer(container));
  workers.Continue();
  EXPECT_EQ(world.StatusOf(container).state(), v1::CONTAINER_RUNNING);
}

// A shim with many containers reports them in several replies.
TEST(ShimWatch, AContainerThatStartsAfterTheFirstPartOfTheReportIsNotLost) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::string container = world.CreateContainer(sandbox).value();
  BusyWorkers workers(world, sandbox);
  world.shims.Reconnect(sandbox);
  ASSERT_TRUE(world.StartContainer(container));
  world.shims.Forget(sandbox, container);  // the part that it belongs to has been sent
  world.shims.AnswerNow(sandbox);
  workers.Continue();
  EXPECT_EQ(world.StatusOf(container).state(), v1::CONTAINER_RUNNING);
}

TEST(ShimWatch, AContainerThatRunsAfterItsStartWasGivenUpIsKilled) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::string container = world.CreateContainer(sandbox).value();
  world.shims.SetMood(sandbox, ShimMood::kSilent);
  world.shims.Reconnect(sandbox);
  EXPECT_FALSE(world.StartContainer(container));
  world.shims.StartLate(sandbox, container);
  world.shims.AnswerNow(sandbox);
  auto killed = [&] { return std::ranges::count(world.shims.LogOf(sandbox), "KillContainer") > 0; };
  EXPECT_TRUE(world.Eventually(killed));
}

TEST(ShimWatch, AContainerThatIsNotInTheShimsReportIsLost) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.Reconnect(pod.sandbox);
  world.shims.Forget(pod.sandbox, pod.container);
  world.shims.AnswerNow(pod.sandbox);
  EXPECT_TRUE(world.Eventually([&] { return world.StatusOf(pod.container).reason() == "Unknown"; }));
}

// With the cgroup driver systemd, the removal waits for an answer of systemd's.
TEST(ShimWatch, ALossIsRecordedBeforeTheCgroupIsRemoved) {
  World world;
  World::Pod pod = world.RunPod();
  v1::ContainerState during = v1::CONTAINER_RUNNING;
  world.shims.Reconnect(pod.sandbox);
  world.shims.Forget(pod.sandbox, pod.container);
  world.steps.Reset();
  world.steps.During("cgroups.Remove", [&] { during = world.StatusOf(pod.container).state(); });
  world.shims.AnswerNow(pod.sandbox);
  std::string cgroup = "/davit/pods/" + pod.sandbox + "/" + pod.container;
  EXPECT_TRUE(world.Eventually([&] { return !world.cgroups.paths().contains(cgroup); }));
  EXPECT_EQ(during, v1::CONTAINER_EXITED);
  std::vector<std::string> steps = world.steps.taken();
  auto killed = std::ranges::find(steps, "cgroups.Kill");
  ASSERT_NE(killed, steps.end()) << "its processes end first";
  EXPECT_LT(killed, std::ranges::find(steps, "cgroups.Remove"));
}

}  // namespace
}  // namespace davit::cri
