// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/codec.h"
#include "base/time.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

TEST(Recovery, ASilentShimHoldsNothingUpAndIsReconciledWhenItAnswers) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.SetMood(pod.sandbox, ShimMood::kSilent);
  world.Restart();
  ASSERT_TRUE(world.Recover());
  EXPECT_EQ(world.StatusOf(pod.container).state(), v1::CONTAINER_RUNNING) << "nothing says that it ended";
  world.shims.Exit(pod.sandbox, pod.container, 9, /*tell=*/false);
  world.shims.AnswerNow(pod.sandbox);
  EXPECT_TRUE(world.Eventually([&] { return world.StatusOf(pod.container).exit_code() == 9; }));
  EXPECT_EQ(world.SandboxStatusOf(pod.sandbox).state(), v1::SANDBOX_READY);
}

TEST(Recovery, APodWhoseShimCannotBeLookedForKeepsRunningUntilItIsRemoved) {
  World world;
  World::Pod pod = world.RunPod();
  world.Restart();
  world.steps.Fail("shims.Meet", /*times=*/1, Code::kResourceExhausted);
  int64_t begin_ms = MonotonicMilliseconds();
  ASSERT_TRUE(world.Recover());
  EXPECT_LT(MonotonicMilliseconds() - begin_ms, 1'900) << "nobody waits for its answer";
  EXPECT_EQ(world.StatusOf(pod.container).state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(world.SandboxStatusOf(pod.sandbox).state(), v1::SANDBOX_NOTREADY);
  EXPECT_THAT(world.shims.alive(), Contains(pod.sandbox));
  EXPECT_THAT(world.cgroups.paths(), Contains("/davit/pods/" + pod.sandbox + "/" + pod.container));
  ASSERT_TRUE(world.RemoveSandbox(pod.sandbox));
  EXPECT_THAT(world.Leftovers(), IsEmpty());
}

TEST(Recovery, ADaemonThatEndsWhileItConnectsLeavesNoConnection) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  world.Restart();
  std::promise<void> go;
  world.steps.During("shims.Meet", [&] { go.get_future().wait(); });
  ASSERT_TRUE(world.Recover());
  std::thread shim_accepts([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    go.set_value();
  });
  world.End();
  shim_accepts.join();
  EXPECT_FALSE(world.shims.IsConnected(sandbox)) << "its events would use a runtime that does not exist";
}

TEST(Recovery, ADaemonThatEndsWaitsForTheWorkThatAShimsAnswerCaused) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.Forget(pod.sandbox, pod.container);
  world.Restart();
  std::promise<void> go;
  world.steps.During("cgroups.Remove", [&] { go.get_future().wait(); });
  ASSERT_TRUE(world.Recover());
  std::thread cgroup_goes([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    go.set_value();
  });
  world.End();
  cgroup_goes.join();
  EXPECT_THAT(world.cgroups.paths(), ::testing::IsSubsetOf({"/davit/pods/" + pod.sandbox}));
}

// The shim's answer is reconciled before the daemon has its link.
TEST(Recovery, APodThatWasMetCanBeUsedAtOnce) {
  World world;
  World::Pod pod = world.RunPod();
  std::string next = world.CreateContainer(pod.sandbox, "next").value();
  world.Restart();
  world.steps.During("shims.Meet has answered",
                     [] { std::this_thread::sleep_for(std::chrono::milliseconds(100)); });
  ASSERT_TRUE(world.Recover());
  Result<> started = world.StartContainer(next);
  EXPECT_TRUE(started) << started.error().ToString();
}

// Its record cannot be read, so nobody knows its shim's process. Its containers are ended when a client
// removes it, not before.
TEST(Recovery, AShimThatIsNotRecordedIsLeftAloneUntilItsPodGoes) {
  World world;
  World::Pod pod = world.RunPod();
  world.records.Seed(SandboxRow{pod.sandbox, "\xff"});
  world.Restart();
  ASSERT_TRUE(world.Recover());
  EXPECT_THAT(world.shims.alive(), ElementsAre(pod.sandbox));
  EXPECT_EQ(world.StatusOf(pod.container).state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(world.SandboxStatusOf(pod.sandbox).state(), v1::SANDBOX_NOTREADY);
  ASSERT_TRUE(world.StopSandbox(pod.sandbox));
  ASSERT_TRUE(world.RemoveSandbox(pod.sandbox));
  EXPECT_THAT(world.shims.alive(), IsEmpty());
  EXPECT_THAT(world.cgroups.paths(), IsEmpty());
}

TEST(Recovery, AnUnfinishedSandboxIsUndone) {
  for (bool shim_recorded : {false, true}) {  // recorded before the sandbox is undone
    SCOPED_TRACE(shim_recorded);
    World world;
    std::string id = world.RunSandbox().value();
    SandboxRow row = world.records.Sandboxes().value().front();
    SandboxRecord record = Decode<SandboxRecord>(row.blob, "row").value();
    record.phase = SandboxPhase::kCreating;
    if (!shim_recorded) record.shim_pid = 0;
    world.records.Seed(SandboxRow{id, Encode(record)});
    world.Restart();
    ASSERT_TRUE(world.Recover());
    EXPECT_THAT(world.Listed(), IsEmpty());
    EXPECT_THAT(world.Leftovers(), IsEmpty());
    EXPECT_TRUE(world.RunSandbox()) << "its name is free";
  }
}

TEST(Recovery, ItsSummaryTellsStoppedPodsFromThoseWhoseShimsAreGone) {
  World world;
  world.RunPod();
  ASSERT_TRUE(world.StopSandbox(world.RunSandbox("stopped").value()));
  world.shims.SetMood(world.RunSandbox("killed").value(), ShimMood::kDead);
  world.Restart();
  ASSERT_TRUE(world.Recover());
  EXPECT_THAT(world.Logged("msg=recovered"),
              ElementsAre(HasSubstr("pods=3 met=1 gone=1 stopped=1 silent=0")));
}

TEST(Recovery, AShimWithoutARecordIsEnded) {
  World world;
  world.shims.Seed("0123456789abcdef", FakePod{});
  ASSERT_TRUE(world.Recover());
  EXPECT_THAT(world.shims.alive(), IsEmpty());
}

class Quarantine : public ::testing::Test {
 protected:
  // The bad pod is listed, not ready, and can be removed; the good one runs on.
  void ExpectQuarantined(const std::string& bad) {
    world_.Restart();
    ASSERT_TRUE(world_.Recover());
    EXPECT_EQ(world_.SandboxStatusOf(good_.sandbox).state(), v1::SANDBOX_READY);
    EXPECT_EQ(world_.StatusOf(good_.container).state(), v1::CONTAINER_RUNNING);
    EXPECT_EQ(world_.SandboxStatusOf(bad).state(), v1::SANDBOX_NOTREADY);
    EXPECT_FALSE(world_.ReasonOf(bad).empty());
    EXPECT_FALSE(world_.SandboxStatusOf(bad).metadata().uid().empty()) << "crictl would not remove it";
    EXPECT_FALSE(world_.SandboxStatusOf(bad).metadata().namespace_().empty());
    ASSERT_TRUE(world_.StopSandbox(bad));
    ASSERT_TRUE(world_.RemoveSandbox(bad));
    ASSERT_TRUE(world_.RemoveSandbox(good_.sandbox));
    EXPECT_TRUE(world_.Eventually([&] { return world_.Leftovers().empty(); }))
        << ::testing::PrintToString(world_.Leftovers());
  }

  World world_;
  World::Pod good_ = world_.RunPod();
};

TEST_F(Quarantine, ASandboxWhoseRecordCannotBeRead) {
  world_.records.Seed(SandboxRow{"badbadbadbad", "\xff\xff not a record"});
  ExpectQuarantined("badbadbadbad");
}

TEST_F(Quarantine, ASandboxWhoseRecordIsEmpty) {
  world_.records.Seed(SandboxRow{"badbadbadbad", ""});
  ExpectQuarantined("badbadbadbad");
}

TEST_F(Quarantine, APodWithAContainerWhoseRecordCannotBeRead) {
  std::string bad = world_.RunSandbox("bad").value();
  std::string container = world_.CreateContainer(bad).value();
  world_.records.Seed(ContainerRow{container, bad, "\xff\xff not a record"});
  ExpectQuarantined(bad);
}

TEST_F(Quarantine, AContainerWithoutItsSandbox) {
  ContainerRecord record;
  record.id = "c0ffee";
  record.sandbox_id = "badbadbadbad";
  world_.records.Seed(ContainerRow{record.id, record.sandbox_id, Encode(record)});
  ExpectQuarantined("badbadbadbad");
}

TEST_F(Quarantine, APodWhoseNetworkCannotBeTakenOver) {
  std::string bad = world_.RunSandbox("bad").value();
  world_.network.Refuse(bad,
                        {Code::kInvalidArgument, 0, "reserve address", "10.0.0.9", "outside the subnet"});
  ExpectQuarantined(bad);
}

// An object without an id could not be removed, and every cgroup's name would have its id.
TEST_F(Quarantine, ARowWithoutAnIdIsSetAside) {
  ContainerRecord record;
  record.id = "c0ffee";
  world_.records.Seed(ContainerRow{record.id, "", Encode(record)});
  world_.records.Seed(ContainerRow{"", good_.sandbox, "\xff\xff not a record"});
  world_.records.Seed(SandboxRow{"", "\xff\xff not a record"});
  world_.Restart();
  ASSERT_TRUE(world_.Recover());
  EXPECT_THAT(world_.Listed(), UnorderedElementsAre(HasSubstr(good_.sandbox), HasSubstr(good_.container)));
  EXPECT_EQ(world_.Logged("row set aside").size(), 3U);
  EXPECT_EQ(world_.StatusOf(good_.container).state(), v1::CONTAINER_RUNNING);
  ASSERT_TRUE(world_.RemoveSandbox(good_.sandbox));
  EXPECT_TRUE(world_.Eventually([&] { return world_.Leftovers().size() == 2; }));
  EXPECT_THAT(world_.Leftovers(), UnorderedElementsAre("sandbox row ", "container row c0ffee"));
}

TEST_F(Quarantine, AnUnreadableRecordStaysUntilItsPodIsRemoved) {
  world_.records.Seed(SandboxRow{"badbadbadbad", "\xff\xff not a record"});
  world_.Restart();
  ASSERT_TRUE(world_.Recover());
  std::vector<SandboxRow> rows = world_.records.Sandboxes().value();
  EXPECT_THAT(rows, Contains(SandboxRow{"badbadbadbad", "\xff\xff not a record"}));
}

TEST_F(Quarantine, AnUnreadablePodsCgroupIsFoundByItsId) {
  const std::string id = "badbadbadbad";
  for (const std::string& path :
       {"/davit/pods/" + id, "/davit.slice/davit-pods.slice/davit-pods-" + id + ".slice"}) {
    SCOPED_TRACE(path);
    world_.records.Seed(SandboxRow{id, "\xff\xff not a record"});
    world_.cgroups.Seed(path, /*populated=*/true);
    world_.Restart();
    ASSERT_TRUE(world_.Recover());
    EXPECT_THAT(world_.cgroups.paths(), Contains(path)) << "it may be running";
    ASSERT_TRUE(world_.StopSandbox(id));
    EXPECT_THAT(world_.cgroups.paths(), Not(Contains(path)));
    ASSERT_TRUE(world_.RemoveSandbox(id));
  }
}

TEST_F(Quarantine, AnUnreadableContainersCgroupIsFoundByItsId) {
  v1::RunPodSandboxRequest request = world_.SandboxRequest("bad");
  request.mutable_config()->mutable_linux()->set_cgroup_parent("/kubepods/podu");
  Call call{MonotonicMilliseconds() + 60'000, {}};
  std::string bad = world_.runtime().sandboxes().Run(request, call).value().pod_sandbox_id();
  std::string container = world_.CreateContainer(bad).value();
  const std::string path = "/kubepods/podu/other-" + container + ".scope";  // as an earlier setting had it
  world_.records.Seed(ContainerRow{container, bad, "\xff\xff not a record"});
  world_.cgroups.Seed(path);
  world_.Restart();
  ASSERT_TRUE(world_.Recover());
  ASSERT_TRUE(world_.RemoveContainer(container));
  EXPECT_THAT(world_.cgroups.paths(), Not(Contains(path)));
  ASSERT_TRUE(world_.RemoveSandbox(bad));
}

TEST(Recovery, CgroupsOfUnknownPodsAreRemovedUnlessTheyHaveProcesses) {
  World world;
  World::Pod pod = world.RunPod();
  const std::string slices = "/davit.slice/davit-pods.slice/davit-pods-";
  world.cgroups.Seed(slices + "0123.slice");
  world.cgroups.Seed("/davit/pods/4567");
  world.cgroups.Seed("/davit/pods/89ab", /*populated=*/true);
  world.cgroups.Seed("/kubepods/podu");
  world.Restart();
  ASSERT_TRUE(world.Recover());
  std::string known = "/davit/pods/" + pod.sandbox;
  EXPECT_THAT(world.cgroups.paths(),
              UnorderedElementsAre(known, known + "/" + pod.container, "/davit/pods/89ab", "/kubepods/podu"));
}

TEST(Recovery, CgroupsThatCannotBeReadHoldNothingUp) {
  for (const char* step : {"cgroups.Children", "cgroups.Populated", "cgroups.Remove"}) {
    SCOPED_TRACE(step);
    World world;
    World::Pod pod = world.RunPod();
    world.cgroups.Seed("/davit/pods/0123");
    world.Restart();
    world.steps.Fail(step);
    ASSERT_TRUE(world.Recover());
    EXPECT_EQ(world.StatusOf(pod.container).state(), v1::CONTAINER_RUNNING);
    EXPECT_THAT(world.Logged("cgroups of unknown pods not removed"), ElementsAre(HasSubstr("/davit/pods")));
  }
}

}  // namespace
}  // namespace davit::cri
