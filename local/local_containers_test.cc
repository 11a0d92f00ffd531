// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "base/frame.h"
#include "local/testing/local_containers_fixture.h"
#include "shim/session.h"

namespace davit::local {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = api::ContainerState;
using When = api::RestartPolicy;
using Condition = api::WaitContainerRequest;

bool never() {
  return false;
}

TEST_F(LocalContainersTest, ARunEndsWithItsPodAndTheContainerStays) {
  std::string id = w_.RunContainer("web");
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_THAT(w_.StateOf("web").addresses(), SizeIs(1));
  EXPECT_THAT(w_.world.Listed(), IsEmpty()) << "the CRI sees nothing of it";
  w_.Exit(id, 3);
  ASSERT_TRUE(w_.Becomes("web", State::EXITED));
  EXPECT_EQ(w_.StateOf("web").exit_code(), 3);
  EXPECT_THAT(w_.PodsOf(id), IsEmpty());
  EXPECT_THAT(w_.world.snapshots.containers(), ElementsAre(id));
  EXPECT_TRUE(std::filesystem::exists(w_.LogOf(id)));
  ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  EXPECT_EQ(local().Inspect("web").error().code, Code::kNotFound);
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
}

TEST_F(LocalContainersTest, ASecondStartHasTheWritableLayerOfTheFirst) {
  std::string id = w_.RunContainer("web");
  ASSERT_TRUE(local().Stop("web", /*grace_seconds=*/0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  ASSERT_TRUE(local().Start("web", Deadline()));
  EXPECT_THAT(w_.world.snapshots.containers(), ElementsAre(id));
  EXPECT_THAT(w_.PodsOf(id), SizeIs(1));
  ASSERT_TRUE(local().Restart("web", /*grace_seconds=*/0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_THAT(w_.PodsOf(id), SizeIs(1));
  EXPECT_TRUE(local().Start("web", Deadline())) << "it runs already";
}

TEST_F(LocalContainersTest, ANameInUseNamesItsHolder) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  auto second = local().Create("web", LocalWorld::Spec());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_THAT(second.error().ToString(), HasSubstr(id.substr(0, 12)));
  ASSERT_TRUE(local().Create("db", LocalWorld::Spec()));
  EXPECT_EQ(local().Rename("db", "web").error().code, Code::kAlreadyExists);
  ASSERT_TRUE(local().Rename("web", "front"));
  EXPECT_TRUE(local().Rename("db", "web")) << "the name is free";
  EXPECT_EQ(local().Inspect("front")->id(), id);
  EXPECT_EQ(local().Rename("db", "x y").error().code, Code::kNotFound);
}

TEST_F(LocalContainersTest, WhatCannotBeCreatedLeavesNothing) {
  api::ContainerSpec no_image = LocalWorld::Spec();
  no_image.set_image("nothing");
  EXPECT_EQ(local().Create("web", no_image).error().code, Code::kNotFound);
  auto refuses = [this](const char* word, auto&& change) {
    api::ContainerSpec spec = LocalWorld::Spec();
    change(spec);
    auto created = local().Create("web", spec);
    ASSERT_FALSE(created) << word;
    EXPECT_EQ(created.error().code, Code::kInvalidArgument);
    EXPECT_THAT(created.error().ToString(), HasSubstr(word));
  };
  refuses("/does/not/exist", [](auto& spec) {
    spec.add_mounts()->set_source("/does/not/exist");
    spec.mutable_mounts(0)->set_target("/mnt");
  });
  refuses("BOGUS", [](auto& spec) { spec.add_cap_add("BOGUS"); });
  refuses("BOGUS", [](auto& spec) { spec.add_cap_drop("BOGUS"); });
  refuses("-5", [](auto& spec) { spec.set_user("-5"); });
  refuses("hostname", [](auto& spec) { spec.set_hostname(std::string(65, 'h')); });
  refuses("hostname", [](auto& spec) { spec.set_hostname("a/b"); });
  w_.world.steps.Fail("store.AddLocal");
  EXPECT_FALSE(local().Create("web", LocalWorld::Spec()));
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
  auto created = local().Create("web", LocalWorld::Spec());
  EXPECT_TRUE(created) << created.error().ToString();  // the name is free
}

// Every step of a start fails once; afterwards the container can be started, or removed without a trace.
TEST_F(LocalContainersTest, AStartThatFailsLeavesNoPod) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  w_.world.steps.Reset();
  ASSERT_TRUE(local().Start("web", Deadline()));
  size_t steps = w_.world.steps.taken().size();
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  ASSERT_GT(steps, 5u);
  for (size_t step = 0; step < steps; ++step) {
    w_.world.steps.FailNth(step);
    Result<> started = local().Start("web", Deadline());
    std::vector<std::string> taken = w_.world.steps.taken();
    w_.world.steps.Reset();
    if (started) {
      ASSERT_TRUE(local().Stop("web", 0, Deadline())) << taken.back();
      continue;
    }
    if (taken.at(step) != "store.QueueLocal") {  // which would have said so
      EXPECT_THAT(w_.StateOf("web").error(), HasSubstr("the test wants it to fail")) << taken.at(step);
      EXPECT_EQ(w_.StateOf("web").exit_code(), shim::kNotStarted);
    }
    EXPECT_TRUE(local().Start("web", Deadline())) << "after a failure of step " << step;
    EXPECT_THAT(w_.PodsOf(id), SizeIs(1));
    ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  }
  ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }))
      << ::testing::PrintToString(w_.Leftovers());
}

TEST_F(LocalContainersTest, AClientIsAttachedAtAStartAndNotToARunningContainer) {
  ASSERT_TRUE(local().Create("web", LocalWorld::Spec()));
  EXPECT_EQ(local().RunOf("web").error().code, Code::kFailedPrecondition);
  auto start = [&](UniqueFd& client) {
    auto pair = *FramePair();
    client = std::move(pair.first);
    cri::AttachedStart attached{std::move(pair.second), {}};
    return local().Start("web", Deadline(), &attached);
  };
  UniqueFd client;
  ASSERT_TRUE(start(client));
  auto streams = ReceiveFrame(client.get());
  ASSERT_TRUE(streams && streams->type == static_cast<uint32_t>(shim::SessionMessage::kStreams));
  EXPECT_TRUE(streams->fds.Take(shim::FdRole::kStdout));
  EXPECT_TRUE(local().RunOf("web"));
  EXPECT_EQ(start(client).error().code, Code::kFailedPrecondition);
  EXPECT_FALSE(ReceiveFrame(client.get())) << "it gets nothing";
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  w_.world.steps.FailNth(0);
  EXPECT_FALSE(start(client));
  EXPECT_FALSE(ReceiveFrame(client.get()));
}

TEST_F(LocalContainersTest, AWaitEndsWithTheContainerOrItsClient) {
  std::string id = w_.RunContainer("web");
  {
    LocalWorld::Waiting given_up(local(), "web", Condition::NOT_RUNNING);
  }
  LocalWorld::Waiting next(local(), "web", Condition::NEXT_EXIT);
  EXPECT_FALSE(next.ended());
  w_.Exit(id, 4);
  EXPECT_EQ(next.ExitCode(), 4);
  EXPECT_EQ(LocalWorld::Waiting(local(), "web", Condition::NOT_RUNNING).ExitCode(), 4);
  EXPECT_EQ(local().BeginWait("nothing", Condition::NOT_RUNNING, [](int32_t) { FAIL(); }).error().code,
            Code::kNotFound);
}

// The next run has begun, and may even have ended, before the waiting client is asked.
TEST_F(LocalContainersTest, AWaitHasTheOutcomeOfTheRunThatItWaitedFor) {
  std::string id = w_.RunContainer("web", LocalWorld::Spec(When::ALWAYS));
  LocalWorld::Waiting next(local(), "web", Condition::NEXT_EXIT);
  LocalWorld::Waiting not_running(local(), "web", Condition::NOT_RUNNING);
  w_.Exit(id, 3);
  ASSERT_TRUE(w_.world.Eventually([&] { return w_.StateOf("web").restart_count() == 1; }));
  ASSERT_TRUE(w_.Becomes("web", State::RUNNING));
  EXPECT_EQ(next.ExitCode(), 3);
  EXPECT_EQ(not_running.ExitCode(), 3);
  EXPECT_EQ(w_.StateOf("web").exit_code(), 3) << "of the last end";
}

TEST_F(LocalContainersTest, ThePolicyStartsWhatHasFailedUntilItGivesUp) {
  api::ContainerSpec spec = LocalWorld::Spec(When::ON_FAILURE);
  spec.mutable_restart()->set_max_retries(2);
  std::string id = w_.RunContainer("web", spec);
  for (uint32_t restarts = 1; restarts <= 2; ++restarts) {
    w_.Exit(id, 1);
    ASSERT_TRUE(w_.world.Eventually([&] {
      return w_.StateOf("web").restart_count() == restarts && w_.HasStatus("web", State::RUNNING);
    }));
  }
  w_.Exit(id, 1);
  EXPECT_TRUE(w_.Becomes("web", State::EXITED)) << "and not RESTARTING";
}

// Not that of a missing container: the client would look for another one of the name.
TEST_F(LocalContainersTest, ACommandThatFailsIsNoMissingContainer) {
  w_.RunContainer("web");
  w_.world.steps.Fail("shim.HandExec", 1, Code::kNotFound);
  api::ExecContainerRequest request;
  request.set_container("web");
  request.add_command("true");
  auto answer = local().Exec(request, Deadline(), [] { return false; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kFailedPrecondition);
  request.set_container("nobody");
  EXPECT_EQ(local().Exec(request, Deadline(), [] { return false; }).error().code, Code::kNotFound);
}

TEST_F(LocalContainersTest, AnImageThatIsRemovedMeanwhileIsNoContainersImage) {
  w_.world.steps.Fail("images.Settle");
  EXPECT_FALSE(local().Create("web", LocalWorld::Spec()));
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
}

TEST_F(LocalContainersTest, APortInUseNamesTheContainerThatUsesIt) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.add_ports()->set_host_port(54'321);
  spec.mutable_ports(0)->set_container_port(80);
  w_.RunContainer("first", spec);
  ASSERT_TRUE(local().Create("second", spec));
  Result<> started = local().Start("second", Deadline());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(started.error().ToString(), AllOf(HasSubstr("54321/tcp"), HasSubstr("container first")));
  ASSERT_TRUE(local().Stop("first", 0, Deadline()));
  EXPECT_TRUE(local().Start("second", Deadline()));
}

TEST_F(LocalContainersTest, AnExecReturnsItsOutputAndItsExitCode) {
  w_.RunContainer("web");
  api::ExecContainerRequest request;
  request.set_container("web");
  request.add_command("true");
  auto answer = local().Exec(request, Deadline(), never);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->exit_code(), 7);
  EXPECT_EQ(answer->stdout(), "out");
  EXPECT_EQ(answer->stderr(), "err");
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_EQ(local().Exec(request, Deadline(), never).error().code, Code::kFailedPrecondition);
}

TEST_F(LocalContainersTest, StatsAndTopAreOfRunningContainers) {
  std::string id = w_.RunContainer("web");
  ASSERT_TRUE(local().Create("idle", LocalWorld::Spec()));
  api::ContainerStatsRequest all;
  auto stats = local().Stats(all).value();
  ASSERT_EQ(stats.containers_size(), 1);
  EXPECT_EQ(stats.containers(0).id(), id);
  EXPECT_EQ(stats.containers(0).name(), "web");
  EXPECT_GT(stats.containers(0).memory_limit_bytes(), 0u);
  api::ContainerStatsRequest idle;
  idle.add_containers("idle");
  EXPECT_EQ(local().Stats(idle)->containers_size(), 0);
  idle.add_containers("nobody");
  EXPECT_EQ(local().Stats(idle).error().code, Code::kNotFound);

  EXPECT_TRUE(local().Top("web"));
  EXPECT_EQ(local().Top("idle").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(local().Top("nobody").error().code, Code::kNotFound);
}

TEST_F(LocalContainersTest, TopFindsAContainerOfTheCriByItsWholeIdAlone) {
  cri::World::Pod pod = w_.world.RunPod();
  EXPECT_TRUE(local().Top(pod.container));
  EXPECT_EQ(local().Top(pod.container.substr(0, 12)).error().code, Code::kNotFound);
  EXPECT_EQ(local().Top(std::string(64, '0')).error().code, Code::kNotFound);
  EXPECT_EQ(local().Stop(pod.container, 0, Deadline()).error().code, Code::kNotFound);
}

TEST_F(LocalContainersTest, UsesNameTheImagesOfAllContainers) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  std::vector<cri::ContainerUse> uses = local().Uses();
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].id, id);
  EXPECT_EQ(uses[0].name, "web");
  EXPECT_FALSE(uses[0].running);
  EXPECT_THAT(uses[0].images, ElementsAre("sha256:id-of-image"));
}

TEST_F(LocalContainersTest, TheNewestIsListedFirst) {
  w_.RunContainer("first");
  ASSERT_TRUE(local().Create("second", LocalWorld::Spec()));
  std::vector<api::Container> all = local().List(/*all=*/true);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].name(), "second");
  EXPECT_THAT(local().List(/*all=*/false), SizeIs(1));
}

TEST_F(LocalContainersTest, AStartByAPersonThatFailsIsNoRestart) {
  w_.RunContainer("web", LocalWorld::Spec(When::ALWAYS));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  w_.world.steps.Fail("shims.Take");
  EXPECT_FALSE(local().Start("web", Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  EXPECT_THAT(local().List(/*all=*/false), IsEmpty());
}

// The end is known to the runtime, and nobody has collected it.
TEST_F(LocalContainersTest, AStartAfterAnEndStartsItAgain) {
  std::string id = w_.RunContainer("web");
  std::string before = w_.PodsOf(id).at(0).id();
  for (int i = 0; i < 50; ++i) {
    w_.Exit(id, 1);
    ASSERT_TRUE(local().Start("web", Deadline()));
    ASSERT_TRUE(w_.HasStatus("web", State::RUNNING)) << i;
    ASSERT_NE(w_.PodsOf(id).at(0).id(), std::exchange(before, w_.PodsOf(id).at(0).id()));
  }
}

TEST_F(LocalContainersTest, AStartThatWaitsForACreateThatFailsMakesNothing) {
  std::thread start;
  w_.world.steps.Fail("store.AddLocal");
  w_.world.steps.During("store.AddLocal", [&] {
    start = std::thread([&] { EXPECT_EQ(local().Start("web", Deadline()).error().code, Code::kNotFound); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  EXPECT_FALSE(local().Create("web", LocalWorld::Spec()));
  start.join();
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
}

}  // namespace
}  // namespace davit::local
