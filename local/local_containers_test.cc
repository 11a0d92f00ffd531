// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using State = api::ContainerState;
using When = api::RestartPolicy;

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
      EXPECT_EQ(w_.StateOf("web").exit_code(), kNotStarted);
    }
    EXPECT_TRUE(local().Start("web", Deadline())) << "after a failure of step " << step;
    EXPECT_THAT(w_.PodsOf(id), SizeIs(1));
    ASSERT_TRUE(local().Stop("web", 0, Deadline()));
  }
  ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }))
      << ::testing::PrintToString(w_.Leftovers());
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
  std::promise<void> begun;
  std::future<Result<int32_t>> removed = std::async(std::launch::async, [&] {
    return local().Wait("job", api::WaitContainerRequest::REMOVED, [&] { begun.set_value(); }, never);
  });
  begun.get_future().wait();
  ASSERT_TRUE(local().Start("job", Deadline()));
  std::string id = local().Inspect("job")->id();
  w_.Exit(id, 5);
  EXPECT_EQ(removed.get().value(), 5);
  EXPECT_EQ(local()
                .Wait(
                    id, api::WaitContainerRequest::NEXT_EXIT, [] { FAIL(); }, never)
                .value(),
            5)
      << "who asks too late is told as well";
  EXPECT_EQ(local().Inspect("job").error().code, Code::kNotFound);
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }));
}

TEST_F(LocalContainersTest, AWaitEndsWithTheContainerOrItsClient) {
  std::string id = w_.RunContainer("web");
  EXPECT_EQ(local()
                .Wait(
                    "web", api::WaitContainerRequest::NOT_RUNNING, [] {}, [] { return true; })
                .error()
                .code,
            Code::kCancelled);
  std::promise<void> begun;
  std::future<Result<int32_t>> next = std::async(std::launch::async, [&] {
    return local().Wait("web", api::WaitContainerRequest::NEXT_EXIT, [&] { begun.set_value(); }, never);
  });
  begun.get_future().wait();
  w_.Exit(id, 4);
  EXPECT_EQ(next.get().value(), 4);
  EXPECT_EQ(local().Wait("web", api::WaitContainerRequest::NOT_RUNNING, [] {}, never).value(), 4);
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
  EXPECT_THAT(w_.PodsOf(with), IsEmpty());
  ASSERT_TRUE(w_.Becomes("without", State::EXITED));
  EXPECT_EQ(w_.StateOf("without").exit_code(), kLostExitCode);
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

}  // namespace
}  // namespace davit::local
