// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = api::ContainerState;

class PauseTest : public ::testing::Test {
 protected:
  LocalContainers& local() { return w_.local(); }
  int64_t Deadline() const { return w_.Deadline(); }
  std::set<std::string> Frozen() const { return w_.world.cgroups.frozen(); }

  LocalWorld w_;
};

TEST_F(PauseTest, FreezesARunningContainerUntilItIsUnpaused) {
  w_.RunContainer("web");
  ASSERT_TRUE(local().Pause("web", Deadline()));
  EXPECT_TRUE(w_.StateOf("web").paused());
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_THAT(Frozen(), SizeIs(1));
  Result<> again = local().Pause("web", Deadline());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(again.error().ToString(), HasSubstr("paused already"));
  ASSERT_TRUE(local().Unpause("web", Deadline()));
  EXPECT_FALSE(w_.StateOf("web").paused());
  EXPECT_THAT(Frozen(), IsEmpty());
  EXPECT_EQ(local().Unpause("web", Deadline()).error().code, Code::kFailedPrecondition);
}

TEST_F(PauseTest, OnlyARunningContainerCanBePaused) {
  EXPECT_EQ(local().Pause("web", Deadline()).error().code, Code::kNotFound);
  ASSERT_TRUE(local().Create("web", LocalWorld::Spec()));
  EXPECT_EQ(local().Pause("web", Deadline()).error().code, Code::kFailedPrecondition);
  ASSERT_TRUE(local().Start("web", Deadline()));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_EQ(local().Pause("web", Deadline()).error().code, Code::kFailedPrecondition);
}

TEST_F(PauseTest, NoCommandRunsInAPausedContainer) {
  w_.RunContainer("web");
  ASSERT_TRUE(local().Pause("web", Deadline()));
  api::ExecContainerRequest exec;
  exec.set_container("web");
  exec.add_command("true");
  auto refused = local().Exec(exec, Deadline(), [] { return false; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("davit unpause web"));
  EXPECT_FALSE(local().RunOf("web"));
  ASSERT_TRUE(local().Unpause("web", Deadline()));
  EXPECT_TRUE(local().Exec(exec, Deadline(), [] { return false; }));
}

TEST_F(PauseTest, WhatEndsItLetsItGoOnFirst) {
  w_.RunContainer("web");
  auto pause = [&] { ASSERT_TRUE(local().Pause("web", Deadline())); };
  pause();
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  EXPECT_THAT(Frozen(), IsEmpty());
  ASSERT_TRUE(local().Start("web", Deadline()));
  EXPECT_FALSE(w_.StateOf("web").paused());
  pause();
  ASSERT_TRUE(local().Restart("web", 0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_FALSE(w_.StateOf("web").paused());
  pause();
  ASSERT_TRUE(local().Kill("web", SIGKILL, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  ASSERT_TRUE(local().Start("web", Deadline()));
  pause();
  EXPECT_FALSE(local().Remove("web", /*force=*/false, Deadline()));
  ASSERT_TRUE(local().Remove("web", /*force=*/true, Deadline()));
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }));
  EXPECT_THAT(Frozen(), IsEmpty());
}

TEST_F(PauseTest, OneThatEndsWhileItIsPausedIsCollected) {
  std::string id = w_.RunContainer("web");
  ASSERT_TRUE(local().Pause("web", Deadline()));
  w_.Exit(id, 137);
  ASSERT_TRUE(w_.Becomes("web", State::EXITED));
  EXPECT_FALSE(w_.StateOf("web").paused());
  EXPECT_EQ(local().Unpause("web", Deadline()).error().code, Code::kFailedPrecondition);
}

TEST_F(PauseTest, AFailureLeavesItRunning) {
  w_.RunContainer("web");
  w_.world.steps.Fail("cgroups.Freeze");
  EXPECT_FALSE(local().Pause("web", Deadline()));
  EXPECT_FALSE(w_.StateOf("web").paused());
  w_.world.steps.Reset();
  ASSERT_TRUE(local().Pause("web", Deadline()));
  w_.world.steps.Fail("cgroups.Thaw", /*times=*/2);
  EXPECT_FALSE(local().Unpause("web", Deadline()));
  EXPECT_TRUE(w_.StateOf("web").paused()) << "it can be tried again";
  EXPECT_TRUE(local().Stop("web", 0, Deadline())) << "it can be killed";
}

TEST_F(PauseTest, ADaemonThatStartsFindsItPaused) {
  w_.RunContainer("web");
  w_.RunContainer("other");
  ASSERT_TRUE(local().Pause("web", Deadline()));
  w_.Restart();
  EXPECT_TRUE(w_.StateOf("web").paused());
  EXPECT_FALSE(w_.StateOf("other").paused());
  ASSERT_TRUE(local().Unpause("web", Deadline()));
  EXPECT_FALSE(w_.StateOf("web").paused());
}

TEST_F(PauseTest, ItsHealthIsNotCheckedMeanwhile) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.mutable_health()->add_test("CMD");
  spec.mutable_health()->add_test("probe");
  spec.mutable_health()->set_interval(1'000'000);
  w_.world.shims.EndExecsWith(0);
  w_.RunContainer("web", spec);
  auto results = [&] { return w_.StateOf("web").health().log_size(); };
  ASSERT_TRUE(w_.world.Eventually([&] { return results() == 1; }));
  ASSERT_TRUE(local().Pause("web", Deadline()));
  int before = results();
  EXPECT_FALSE(w_.world.Eventually([&] { return results() > before; }, std::chrono::milliseconds(400)));
  ASSERT_TRUE(local().Unpause("web", Deadline()));
  EXPECT_TRUE(w_.world.Eventually([&] { return results() > before; }));
}

}  // namespace
}  // namespace davit::local
