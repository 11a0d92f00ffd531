// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/shim_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  world.shims.AnswerNow(sandbox);
  ASSERT_TRUE(world.StartContainer(container));
  workers.Continue();
  EXPECT_EQ(world.StatusOf(container).state(), v1::CONTAINER_RUNNING);
}

TEST(ShimWatch, AContainerThatIsNotInTheShimsReportIsLost) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.Forget(pod.sandbox, pod.container);
  world.shims.AnswerNow(pod.sandbox);
  EXPECT_TRUE(world.Eventually([&] { return world.StatusOf(pod.container).reason() == "Unknown"; }));
}

}  // namespace
}  // namespace davit::cri
