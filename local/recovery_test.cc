// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Local containers after the end of a daemon, a reboot, a power cut, or the loss of records.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "local/testing/local_containers_fixture.h"

namespace davit::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = api::ContainerState;
using When = api::RestartPolicy;

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

TEST_F(LocalContainersTest, TheLayerSurvivesACrashUnlessItGoesWithItsRun) {
  std::string kept = w_.RunContainer("web");
  api::ContainerSpec once = LocalWorld::Spec();
  once.set_auto_remove(true);
  std::string gone = w_.RunContainer("once", once);
  EXPECT_EQ(w_.world.snapshots.life(kept), snapshotter::LayerLife::kDurable);
  EXPECT_EQ(w_.world.snapshots.life(gone), snapshotter::LayerLife::kOneBoot);
}

}  // namespace
}  // namespace davit::local
