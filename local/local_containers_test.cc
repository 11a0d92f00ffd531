// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/codec.h"
#include "base/frame.h"
#include "local/testing/local_world.h"
#include "shim/exit_code.h"
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

class LocalContainersTest : public ::testing::Test {
 protected:
  LocalContainers& local() { return w_.local(); }
  int64_t Deadline() const { return w_.Deadline(); }

  LocalWorld w_;
};

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

TEST_F(LocalContainersTest, WhatSomebodyHasStoppedStaysStopped) {
  w_.RunContainer("web", LocalWorld::Spec(When::UNLESS_STOPPED));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  w_.Restart();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
}

TEST_F(LocalContainersTest, ADaemonThatStartsStartsAgainWhatIsToRunAlways) {
  w_.RunContainer("web", LocalWorld::Spec(When::ALWAYS));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  w_.Restart();
  EXPECT_TRUE(w_.Becomes("web", State::RUNNING));
}

TEST_F(LocalContainersTest, ARestartOfTheDaemonIsNotNoticedByWhatRuns) {
  std::string id = w_.RunContainer("web");
  std::string pod = w_.PodsOf(id).at(0).id();
  w_.Restart();
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_EQ(w_.PodsOf(id).at(0).id(), pod);
  EXPECT_EQ(w_.StateOf("web").restart_count(), 0u);
  w_.Exit(id, 6);
  ASSERT_TRUE(w_.Becomes("web", State::EXITED));
  EXPECT_EQ(w_.StateOf("web").exit_code(), 6);
  w_.Restart();
  EXPECT_EQ(w_.StateOf("web").exit_code(), 6);
  EXPECT_THAT(w_.world.snapshots.containers(), ElementsAre(id)) << "also of a container without a pod";
  EXPECT_THAT(w_.world.images.held(), SizeIs(1));
}

TEST_F(LocalContainersTest, WhatEndsWithoutADaemonHasItsTrueExitCode) {
  std::string id = w_.RunContainer("once");
  std::string again = w_.RunContainer("again", LocalWorld::Spec(When::ON_FAILURE));
  w_.Exit(id, 9, /*tell=*/false);
  w_.Exit(again, 8, /*tell=*/false);
  w_.Restart();
  ASSERT_TRUE(w_.Becomes("once", State::EXITED));
  EXPECT_EQ(w_.StateOf("once").exit_code(), 9);
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.StateOf("again").restart_count() == 1; }));
  EXPECT_TRUE(w_.Becomes("again", State::RUNNING));
}

// As after a reboot of the host.
TEST_F(LocalContainersTest, WhatHasLostItsShimHasAnUnknownExitCodeAndComesBack) {
  std::string once = w_.RunContainer("once");
  std::string always = w_.RunContainer("always", LocalWorld::Spec(When::UNLESS_STOPPED));
  for (const std::string& id : {once, always})
    w_.world.shims.SetMood(w_.PodsOf(id).at(0).id(), cri::ShimMood::kDead);
  w_.Restart();
  ASSERT_TRUE(w_.Becomes("once", State::EXITED));
  EXPECT_EQ(w_.StateOf("once").exit_code(), kLostExitCode);
  EXPECT_THAT(w_.PodsOf(once), IsEmpty());
  EXPECT_TRUE(w_.Becomes("always", State::RUNNING));
  EXPECT_THAT(w_.PodsOf(always), SizeIs(1));
}

// As after a power cut, which may take back the last records.
TEST_F(LocalContainersTest, APodWithoutARecordAndARecordWithoutAPodAreSettled) {
  std::string with = w_.RunContainer("with");
  std::string without = w_.RunContainer("without");
  std::string pod = w_.PodsOf(without).at(0).id();
  w_.Restart([&] {
    EXPECT_TRUE(w_.store.DeleteLocal(with));
    EXPECT_TRUE(w_.world.records.DeleteSandbox(pod));
  });
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.PodsOf(with).empty(); }));
  ASSERT_TRUE(w_.Becomes("without", State::EXITED));
  EXPECT_EQ(w_.StateOf("without").exit_code(), kLostExitCode);
}

// The database was damaged and moved away, as its error advises, or an older one was brought back.
TEST_F(LocalContainersTest, FilesOfALostRecordStay) {
  std::string id = w_.RunContainer("db");
  ASSERT_TRUE(local().Stop("db", 0, Deadline()));
  std::ofstream(w_.LogOf(id), std::ios::app) << "a line";
  const cri::LocalRow row = w_.store.Locals()->at(0);
  w_.Restart([&] { EXPECT_TRUE(w_.store.DeleteLocal(id)); });
  EXPECT_THAT(w_.world.snapshots.containers(), ElementsAre(id));
  EXPECT_TRUE(std::filesystem::exists(w_.LogOf(id)));
  EXPECT_EQ(local().Inspect("db").error().code, Code::kNotFound);
  w_.Restart([&] { w_.store.Seed(row); });
  EXPECT_TRUE(local().Start("db", Deadline())) << "the row is back, and the files with it";
}

TEST_F(LocalContainersTest, ALogOfALostRecordStaysWhoseNewestFileIsEmpty) {
  std::string id = local().Create("db", LocalWorld::Spec())->id;
  std::ofstream(w_.LogOf(id) + ".1") << "a line";
  w_.Restart([&] { EXPECT_TRUE(w_.store.DeleteLocal(id)); });
  EXPECT_TRUE(std::filesystem::exists(w_.LogOf(id) + ".1"));
}

TEST_F(LocalContainersTest, WhatACreationHasLeftGoes) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  w_.Restart([&] { EXPECT_TRUE(w_.store.DeleteLocal(id)); });
  EXPECT_FALSE(std::filesystem::exists(w_.LogOf(id)));
}

// The layer is durable: a record that is not would take it along.
TEST_F(LocalContainersTest, CreationsAndRemovalsSurviveAPowerCut) {
  w_.RunContainer("db", LocalWorld::Spec(When::ALWAYS));
  w_.Restart([&] { w_.store.CutPower(); });
  EXPECT_TRUE(local().Inspect("db"));
  ASSERT_TRUE(local().Remove("db", /*force=*/true, Deadline()));
  w_.Restart([&] { w_.store.CutPower(); });
  EXPECT_EQ(local().Inspect("db").error().code, Code::kNotFound);
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }))
      << ::testing::PrintToString(w_.Leftovers());
}

TEST_F(LocalContainersTest, ACreationThatCannotBeMadeDurableFails) {
  w_.world.steps.Fail("store.MakeDurable");
  EXPECT_FALSE(local().Create("db", LocalWorld::Spec()));
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
}

TEST_F(LocalContainersTest, AContainerWhoseFilesAreLostDoesNotBeginWithNone) {
  std::string id = w_.RunContainer("db");
  ASSERT_TRUE(local().Stop("db", 0, Deadline()));
  ASSERT_TRUE(w_.world.snapshots.RemoveContainer(id));
  Result<> started = local().Start("db", Deadline());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(started.error().ToString(), HasSubstr("it has no writable layer"));
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

// A daemon that is killed in between finds the outcome in the pod.
TEST_F(LocalContainersTest, ThePodStaysUntilItsOutcomeIsRecorded) {
  std::string id = w_.RunContainer("job", LocalWorld::Spec(When::ON_FAILURE));
  w_.world.steps.Reset();
  w_.world.steps.Fail("store.QueueLocal", /*times=*/2);  // the outcome, and that its pod stays
  w_.Exit(id, 0);
  ASSERT_TRUE(w_.Becomes("job", State::EXITED));
  const std::vector<std::string> taken = w_.world.steps.taken();
  auto pod_goes = std::ranges::find(taken, "shim.Shutdown");
  EXPECT_EQ(std::count(taken.begin(), pod_goes, "store.QueueLocal"), 3) << "written, at the third try";
}

TEST_F(LocalContainersTest, AnUnreadableRecordIsAContainerThatIsListedAndCanBeRemoved) {
  std::string id = w_.RunContainer("web");
  std::string blob = w_.store.Locals()->at(0).blob;
  const std::string newer = blob + "\x8a\x7d\x01x";  // a field that must be understood
  w_.Restart([&] { w_.store.Seed({id, newer, w_.store.Locals()->at(0).spec}); });
  auto listed = local().Inspect("web");
  ASSERT_TRUE(listed) << listed.error().ToString();
  EXPECT_EQ(listed->id(), id);
  EXPECT_THAT(listed->state().error(), HasSubstr("its record cannot be read"));
  EXPECT_EQ(listed->state().status(), State::RUNNING) << "its program runs on";
  EXPECT_THAT(w_.world.snapshots.containers(), ElementsAre(id));
  EXPECT_THAT(w_.PodsOf(id), SizeIs(1));
  EXPECT_TRUE(std::filesystem::exists(w_.LogOf(id)));
  EXPECT_EQ(local().Rename("web", "front").error().code, Code::kFailedPrecondition);
  std::vector<cri::ContainerUse> uses = local().Uses();
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_THAT(uses[0].images, ElementsAre("sha256:id-of-image"));
  EXPECT_FALSE(uses[0].may_use_any);

  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  Result<> started = local().Start("web", Deadline());
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().ToString(), HasSubstr("cannot be read"));
  EXPECT_EQ(w_.store.Locals()->at(0).blob, newer) << "a release that can read it finds it as it was";
  ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }))
      << ::testing::PrintToString(w_.Leftovers());
}

TEST_F(LocalContainersTest, OfARecordWithoutAWordThatCanBeReadAllImagesAreKept) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  std::string other = local().Create("other", LocalWorld::Spec())->id;
  w_.Restart([&] {
    w_.store.Seed({id, "\xff\xff", ""});
    w_.store.Seed({other, w_.store.Locals()->at(other < id ? 0 : 1).blob, "\xff"});
  });
  EXPECT_EQ(local().Inspect(id)->name(), id);
  EXPECT_EQ(local().Inspect("other")->id(), other) << "its name is readable";
  EXPECT_THAT(w_.world.snapshots.containers(), IsEmpty());
  bool any = false;
  for (const cri::ContainerUse& use : local().Uses()) any = any || use.may_use_any;
  EXPECT_TRUE(any);
  EXPECT_TRUE(local().Remove(id, /*force=*/true, Deadline()));
  EXPECT_TRUE(local().Remove(other, /*force=*/false, Deadline()));
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
}

TEST_F(LocalContainersTest, OfTwoWithOneNameOneIsCalledByItsId) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  cri::LocalRow row = w_.store.Locals()->at(0);
  std::string twin = std::string(64, '0');
  row.blob.replace(row.blob.find(id), id.size(), twin);
  row.id = twin;
  w_.Restart([&] { w_.store.Seed(row); });
  EXPECT_EQ(local().Inspect("web")->id(), twin);
  EXPECT_EQ(local().Inspect(id)->name(), id);
  EXPECT_TRUE(local().Start(id, Deadline()));
}

// A newer release's, or a damaged one: the container goes on, and what has no container is nobody's to
// remove.
TEST_F(LocalContainersTest, APodWhoseRecordCannotBeReadGoesOn) {
  std::string id = w_.RunContainer("web");
  std::string stray = w_.RunContainer("stray");
  auto damage = [&](const std::string& container) {
    std::string pod = w_.PodsOf(container).at(0).id();
    w_.world.records.Seed(cri::SandboxRow{pod, "\xff", "local/" + container});
  };
  damage(id);
  damage(stray);
  w_.Restart([&] { EXPECT_TRUE(w_.store.DeleteLocal(stray)); });
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_THAT(w_.StateOf("web").error(), HasSubstr("its pod has failed, and its program runs on: decode"));
  EXPECT_THAT(w_.world.shims.alive(), SizeIs(2)) << "their shims were not ended";
  EXPECT_THAT(w_.PodsOf(stray), SizeIs(1));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_THAT(w_.PodsOf(id), IsEmpty());
}

TEST_F(LocalContainersTest, AChangeOfStateDoesNotWriteTheSpec) {
  api::ContainerSpec spec = LocalWorld::Spec();
  for (int i = 0; i < 15; ++i) spec.add_command(std::string(60'000, 'x'));
  w_.RunContainer("web", spec);
  cri::LocalRow row = w_.store.Locals()->at(0);
  EXPECT_LT(row.blob.size(), 1000u);
  EXPECT_GT(row.spec.size(), 900'000u);
  w_.Restart();
  EXPECT_EQ(local().Inspect("web")->spec().command_size(), 15);
  EXPECT_EQ(local().Inspect("web")->command_line_size(), 15 + 0);
}

TEST_F(LocalContainersTest, ALogThatGrowsIsRotated) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.mutable_log()->set_max_bytes(4096);
  spec.mutable_log()->set_max_files(2);
  std::string id = w_.RunContainer("web", spec);
  const std::string before = w_.LogOf(id) + ".1";
  std::ofstream(w_.LogOf(id), std::ios::app) << std::string(5000, 'x');
  ASSERT_TRUE(w_.world.Eventually([&] { return std::filesystem::exists(before); }));
  EXPECT_EQ(std::filesystem::file_size(before), 5000u);
  ASSERT_TRUE(w_.world.Eventually([&] { return std::filesystem::exists(w_.LogOf(id)); }));
  EXPECT_EQ(std::filesystem::file_size(w_.LogOf(id)), 0u);
  w_.Restart();
  std::ofstream(w_.LogOf(id), std::ios::app) << std::string(6000, 'x');
  EXPECT_TRUE(w_.world.Eventually([&] { return std::filesystem::file_size(before) == 6000; }))
      << "a daemon that starts goes on";
  EXPECT_FALSE(std::filesystem::exists(w_.LogOf(id) + ".2"));
}

TEST_F(LocalContainersTest, ALogWhoseFileIsMissingGetsOne) {
  std::string id = w_.RunContainer("web");
  std::filesystem::remove(w_.LogOf(id));
  EXPECT_TRUE(w_.world.Eventually([&] { return std::filesystem::exists(w_.LogOf(id)); }));
}

// Such a run ends before anybody looks at its log.
TEST_F(LocalContainersTest, ShortRunsKeepTheBoundOfTheLog) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.mutable_log()->set_max_bytes(4096);
  spec.mutable_log()->set_max_files(2);
  std::string id = w_.RunContainer("web", spec);
  for (int i = 0; i < 5; ++i) {
    w_.Exit(id, 1);
    ASSERT_TRUE(w_.Becomes("web", State::EXITED));
    std::ofstream(w_.LogOf(id), std::ios::app) << std::string(5000, 'x');
    ASSERT_TRUE(local().Start("web", Deadline()));
    EXPECT_EQ(std::filesystem::file_size(w_.LogOf(id)), 0u);
    EXPECT_EQ(std::filesystem::file_size(w_.LogOf(id) + ".1"), 5000u);
    EXPECT_FALSE(std::filesystem::exists(w_.LogOf(id) + ".2"));
  }
}

// So that a client that reads the log can tell a removal from a rotation.
TEST_F(LocalContainersTest, ARemovalBeginsWithTheNewestFileOfTheLog) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  for (int i = 1; i < 20; ++i) std::ofstream(w_.LogOf(id) + "." + std::to_string(i)) << "x";
  UniqueFd inotify(inotify_init1(IN_CLOEXEC));
  std::string directory = std::filesystem::path(w_.LogOf(id)).parent_path();
  ASSERT_GE(inotify_add_watch(inotify.get(), directory.c_str(), IN_DELETE), 0);
  ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  alignas(inotify_event) char buffer[4096];
  ASSERT_GT(read(inotify.get(), buffer, sizeof buffer), 0);
  EXPECT_STREQ(buffer + sizeof(inotify_event), "container.log");
}

TEST_F(LocalContainersTest, AnImageThatIsRemovedMeanwhileIsNoContainersImage) {
  w_.world.steps.Fail("images.Settle");
  EXPECT_FALSE(local().Create("web", LocalWorld::Spec()));
  EXPECT_THAT(w_.Leftovers(), IsEmpty());
}

TEST_F(LocalContainersTest, TheLayerSurvivesACrashUnlessItGoesWithItsRun) {
  std::string kept = w_.RunContainer("web");
  api::ContainerSpec once = LocalWorld::Spec();
  once.set_auto_remove(true);
  std::string gone = w_.RunContainer("once", once);
  EXPECT_EQ(w_.world.snapshots.life(kept), snapshotter::LayerLife::kDurable);
  EXPECT_EQ(w_.world.snapshots.life(gone), snapshotter::LayerLife::kOneBoot);
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

// What a daemon that was killed at some instant has left in the database.
class KilledDaemon : public LocalContainersTest {
 protected:
  // The daemon is killed and starts again; meanwhile the container's record changes.
  void RestartWith(
      const std::string& id, const std::function<void(LocalRecord&)>& change,
      const std::function<void()>& meanwhile = [] {}) {
    w_.Restart([&] {
      const std::vector<cri::LocalRow> rows = w_.store.Locals().value();
      for (const cri::LocalRow& row : rows) {
        if (row.id != id) continue;
        LocalRecord record = Decode<LocalRecord>(row.blob, "record").value();
        change(record);
        w_.store.Seed({id, Encode(record), row.spec});
      }
      meanwhile();
    });
  }
  // A container in the long pause before its next start.
  std::string InPause(const std::string& name, When::When when) {
    std::string id = w_.RunContainer(name, LocalWorld::Spec(when));
    w_.Exit(id, 1, /*tell=*/false);
    RestartWith(id, [](LocalRecord& r) {
      r.status = Status::kExited;
      r.next = Next::kRestart;
      r.exit_code = 1;
      r.quick_ends = 20;
    });
    EXPECT_TRUE(w_.world.Eventually([&] { return w_.PodsOf(id).empty(); }));
    return id;
  }
  static void Starting(LocalRecord& record) { record.status = Status::kStarting; }
};

TEST_F(KilledDaemon, OneThatWaitsForItsRestartCountsAsRunning) {
  InPause("web", When::ALWAYS);
  EXPECT_TRUE(w_.HasStatus("web", State::RESTARTING));
  EXPECT_THAT(local().List(/*all=*/false), SizeIs(1));
  LocalWorld::Waiting wait(local(), "web", Condition::NOT_RUNNING);
  EXPECT_FALSE(wait.ended());
  Result<> removed = local().Remove("web", /*force=*/false, Deadline());
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(removed.error().ToString(), HasSubstr("it is restarting"));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  EXPECT_EQ(wait.ExitCode(), 1);
  EXPECT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
}

TEST_F(KilledDaemon, AKillInThePauseCancelsTheRestart) {
  for (int signo : {SIGTERM, SIGKILL}) {
    std::string id = InPause("web", When::ALWAYS);
    EXPECT_TRUE(local().Kill("web", signo, Deadline()));
    EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
    EXPECT_EQ(local().Kill("web", signo, Deadline()).error().code, Code::kFailedPrecondition);
    ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  }
}

// The pause is over while nothing has become of the restart.
TEST_F(KilledDaemon, AStartByAPersonTakesThePlaceOfThePlannedOne) {
  std::string id = InPause("job", When::ON_FAILURE);
  ASSERT_TRUE(local().Start("job", Deadline()));
  w_.Exit(id, 0);
  ASSERT_TRUE(w_.Becomes("job", State::EXITED));
  w_.world.clock.Advance(std::chrono::minutes(2));
  std::string other = w_.RunContainer("other");
  w_.Exit(other, 0);
  ASSERT_TRUE(w_.Becomes("other", State::EXITED));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(w_.HasStatus("job", State::EXITED));
  EXPECT_EQ(w_.StateOf("job").restart_count(), 0u);
}

TEST_F(KilledDaemon, DuringAStartThatSucceeds) {
  std::string id = w_.RunContainer("web");
  std::string pod = w_.PodsOf(id).at(0).id();
  RestartWith(id, Starting);
  EXPECT_TRUE(w_.HasStatus("web", State::RUNNING));
  EXPECT_GT(w_.StateOf("web").started_at(), 0);
  EXPECT_EQ(w_.PodsOf(id).at(0).id(), pod);
}

TEST_F(KilledDaemon, DuringAStartWhoseProgramHasEndedSince) {
  std::string once = w_.RunContainer("once");
  std::string always = w_.RunContainer("always", LocalWorld::Spec(When::ALWAYS));
  w_.Exit(once, 7, /*tell=*/false);
  w_.Exit(always, 7, /*tell=*/false);
  RestartWith(once, Starting, [&] {
    const std::vector<cri::LocalRow> rows = w_.store.Locals().value();
    for (const cri::LocalRow& row : rows) {
      LocalRecord record = Decode<LocalRecord>(row.blob, "record").value();
      Starting(record);
      w_.store.Seed({row.id, Encode(record), row.spec});
    }
  });
  ASSERT_TRUE(w_.Becomes("once", State::EXITED));
  EXPECT_EQ(w_.StateOf("once").exit_code(), 7);
  EXPECT_TRUE(w_.world.Eventually(
      [&] { return w_.HasStatus("always", State::RUNNING) && w_.StateOf("always").restart_count() == 1; }));
}

TEST_F(KilledDaemon, DuringAStartOfWhichNothingIsLeft) {
  api::ContainerSpec spec = LocalWorld::Spec(When::ALWAYS);
  std::string id = local().Create("web", spec)->id;
  RestartWith(id, [](LocalRecord& r) {
    Starting(r);
    r.run = 1;
  });
  ASSERT_TRUE(w_.Becomes("web", State::RUNNING)) << "the policy wants it";
  EXPECT_EQ(w_.StateOf("web").exit_code(), kLostExitCode) << "of the first run";
}

TEST_F(KilledDaemon, BetweenTheEndAndTheRemovalOfAnAutoRemovedOne) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.set_auto_remove(true);
  for (Status status : {Status::kRunning, Status::kEnding, Status::kRemoving}) {
    std::string id = w_.RunContainer("job", spec);
    w_.Exit(id, 5, /*tell=*/false);
    RestartWith(id, [&](LocalRecord& r) {
      r.status = status;
      if (status != Status::kRunning) r.next = Next::kRemove;
    });
    EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }))
        << static_cast<int>(status) << ::testing::PrintToString(w_.Leftovers());
  }
}

// The kubelet's socket must not wait for it.
TEST_F(KilledDaemon, DoesNotWaitForAPodThatDoesNotGo) {
  std::string stray = w_.RunContainer("stray");
  std::string ends = w_.RunContainer("ends");
  w_.Exit(ends, 5, /*tell=*/false);
  std::promise<void> go;
  std::shared_future<void> goes = go.get_future().share();
  std::atomic<int> gave_up = 0;
  auto hang = [&gave_up, goes] {
    gave_up += goes.wait_for(std::chrono::seconds(20)) != std::future_status::ready;
  };
  for (int i = 0; i < 2; ++i) w_.world.steps.During("shim.Shutdown", hang);
  w_.Restart([&] { EXPECT_TRUE(w_.store.DeleteLocal(stray)); });
  EXPECT_EQ(gave_up, 0);
  go.set_value();
  EXPECT_TRUE(w_.Becomes("ends", State::EXITED));
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.PodsOf(stray).empty(); }));
}

TEST_F(KilledDaemon, AStrayPodThatCannotBeRemovedIsTriedAgain) {
  std::string stray = w_.RunContainer("stray");
  w_.world.steps.Fail("network.Detach");
  w_.Restart([&] { EXPECT_TRUE(w_.store.DeleteLocal(stray)); });
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.PodsOf(stray).empty(); }));
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

TEST_F(LocalContainersTest, AStartByAPersonThatFailsIsNoRestart) {
  w_.RunContainer("web", LocalWorld::Spec(When::ALWAYS));
  ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  w_.world.steps.Fail("shims.Take");
  EXPECT_FALSE(local().Start("web", Deadline()));
  EXPECT_TRUE(w_.HasStatus("web", State::EXITED));
  EXPECT_THAT(local().List(/*all=*/false), IsEmpty());
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
