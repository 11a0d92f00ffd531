// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/codec.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

// What the daemon that starts finds of one container.
struct Found {
  ContainerPhase phase;
  ShimMood shim;
  bool live;
  bool exit_record;
};

class Recovered {
 public:
  explicit Recovered(const Found& found) {
    pod_ = world_.RunPod();
    SetPhase(found.phase);
    if (!found.live) world_.shims.Exit(pod_.sandbox, pod_.container, 5, /*tell=*/false);
    if (!found.exit_record) world_.shims.RemoveExitRecord(pod_.container);
    world_.shims.SetMood(pod_.sandbox, found.shim);
    world_.Restart();
    EXPECT_TRUE(world_.Recover());
  }

  World& world() { return world_; }
  const World::Pod& pod() const { return pod_; }
  v1::ContainerStatus status() { return world_.StatusOf(pod_.container); }
  bool gone() { return world_.runtime().containers().List({}).value().empty(); }

 private:
  // Rewrites the row, as a daemon that died in this phase left it.
  void SetPhase(ContainerPhase phase) {
    ContainerRow row = world_.records.Containers().value().front();
    ContainerRecord record = Decode<ContainerRecord>(row.blob, "row").value();
    record.phase = phase;
    if (phase == ContainerPhase::kExited) record.exit_code = 1;
    row.blob = Encode(record);
    world_.records.Seed(row);
  }

  World world_;
  World::Pod pod_;
};

TEST(Recovery, EveryPhaseWithEveryShimAndExitRecord) {
  using enum ContainerPhase;
  struct Row {
    Found found;
    v1::ContainerState state;
    int exit_code;
  };
  const Row kRows[] = {
      {{kCreated, ShimMood::kAnswers, true, false}, v1::CONTAINER_RUNNING, 0},
      {{kCreated, ShimMood::kAnswers, false, true}, v1::CONTAINER_EXITED, 5},
      {{kCreated, ShimMood::kAnswers, false, false}, v1::CONTAINER_CREATED, 0},
      {{kCreated, ShimMood::kDead, false, false}, v1::CONTAINER_CREATED, 0},
      {{kStarting, ShimMood::kAnswers, true, false}, v1::CONTAINER_RUNNING, 0},
      {{kStarting, ShimMood::kAnswers, false, true}, v1::CONTAINER_EXITED, 5},
      {{kStarting, ShimMood::kAnswers, false, false}, v1::CONTAINER_CREATED, 0},
      {{kStarting, ShimMood::kDead, false, true}, v1::CONTAINER_EXITED, 5},
      {{kStarting, ShimMood::kDead, false, false}, v1::CONTAINER_EXITED, 255},
      {{kRunning, ShimMood::kAnswers, true, false}, v1::CONTAINER_RUNNING, 0},
      {{kRunning, ShimMood::kAnswers, false, true}, v1::CONTAINER_EXITED, 5},
      {{kRunning, ShimMood::kAnswers, false, false}, v1::CONTAINER_EXITED, 255},
      {{kRunning, ShimMood::kDead, false, true}, v1::CONTAINER_EXITED, 5},
      {{kRunning, ShimMood::kDead, false, false}, v1::CONTAINER_EXITED, 255},
      {{kExited, ShimMood::kAnswers, false, false}, v1::CONTAINER_EXITED, 1},
      {{kExited, ShimMood::kDead, false, true}, v1::CONTAINER_EXITED, 1},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(::testing::Message() << "phase " << static_cast<int>(row.found.phase) << " shim "
                                      << static_cast<int>(row.found.shim) << " live " << row.found.live
                                      << " exit record " << row.found.exit_record);
    Recovered recovered(row.found);
    EXPECT_EQ(recovered.status().state(), row.state);
    EXPECT_EQ(recovered.status().exit_code(), row.exit_code);
    bool dead = row.found.shim == ShimMood::kDead;
    EXPECT_EQ(recovered.world().SandboxStatusOf(recovered.pod().sandbox).state(),
              dead ? v1::SANDBOX_NOTREADY : v1::SANDBOX_READY);
    ASSERT_TRUE(recovered.world().RemoveSandbox(recovered.pod().sandbox));
    EXPECT_TRUE(recovered.world().Eventually([&] { return recovered.world().Leftovers().empty(); }))
        << ::testing::PrintToString(recovered.world().Leftovers());
  }
}

TEST(Recovery, ARemovalThatHadBegunIsFinished) {
  for (ShimMood mood : {ShimMood::kAnswers, ShimMood::kDead}) {
    Recovered recovered({ContainerPhase::kRemoving, mood, false, false});
    EXPECT_TRUE(recovered.gone());
    EXPECT_TRUE(recovered.world().Eventually([&] { return recovered.world().images.held().empty(); }));
  }
}

TEST(Recovery, ASilentShimHoldsNothingUpAndIsReconciledWhenItAnswers) {
  Recovered recovered({ContainerPhase::kRunning, ShimMood::kSilent, true, false});
  EXPECT_EQ(recovered.status().state(), v1::CONTAINER_RUNNING) << "nothing says that it ended";
  recovered.world().shims.Exit(recovered.pod().sandbox, recovered.pod().container, 9, /*tell=*/false);
  recovered.world().shims.AnswerNow(recovered.pod().sandbox);
  EXPECT_TRUE(recovered.world().Eventually([&] { return recovered.status().exit_code() == 9; }));
  EXPECT_EQ(recovered.world().SandboxStatusOf(recovered.pod().sandbox).state(), v1::SANDBOX_READY);
}

TEST(Recovery, AnExitThatASilentShimHasRecordedIsTaken) {
  Recovered recovered({ContainerPhase::kRunning, ShimMood::kSilent, false, true});
  EXPECT_EQ(recovered.status().state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(recovered.status().exit_code(), 5);
}

TEST(Recovery, APodWhoseShimCannotBeLookedForKeepsRunningUntilItIsRemoved) {
  World world;
  World::Pod pod = world.RunPod();
  world.Restart();
  world.steps.Fail("shims.Meet", /*times=*/1, Code::kResourceExhausted);
  ASSERT_TRUE(world.Recover());
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

TEST(Recovery, AnUnfinishedSandboxIsUndone) {
  World world;
  std::string id = world.RunSandbox().value();
  SandboxRow row = world.records.Sandboxes().value().front();
  SandboxRecord record = Decode<SandboxRecord>(row.blob, "row").value();
  record.phase = SandboxPhase::kCreating;
  record.shim_pid = 0;
  world.records.Seed(SandboxRow{id, Encode(record)});
  world.Restart();
  ASSERT_TRUE(world.Recover());
  EXPECT_THAT(world.Listed(), IsEmpty());
  EXPECT_THAT(world.Leftovers(), IsEmpty());
  EXPECT_TRUE(world.RunSandbox()) << "its name is free";
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
    EXPECT_FALSE(ReasonOf(bad).empty());
    ASSERT_TRUE(world_.StopSandbox(bad));
    ASSERT_TRUE(world_.RemoveSandbox(bad));
    ASSERT_TRUE(world_.RemoveSandbox(good_.sandbox));
    EXPECT_TRUE(world_.Eventually([&] { return world_.Leftovers().empty(); }))
        << ::testing::PrintToString(world_.Leftovers());
  }

  std::string ReasonOf(const std::string& id) {
    v1::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    request.set_verbose(true);
    Call call{MonotonicMilliseconds() + 10'000, {}};
    std::string info = world_.runtime().sandboxes().Status(request, call).value().info().at("info");
    size_t at = info.find("\"reason\":\"");
    return at == std::string::npos ? "" : info.substr(at);
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

TEST_F(Quarantine, AnUnreadableRecordStaysUntilItsPodIsRemoved) {
  world_.records.Seed(SandboxRow{"badbadbadbad", "\xff\xff not a record"});
  world_.Restart();
  ASSERT_TRUE(world_.Recover());
  std::vector<SandboxRow> rows = world_.records.Sandboxes().value();
  EXPECT_THAT(rows, Contains(SandboxRow{"badbadbadbad", "\xff\xff not a record"}));
}

}  // namespace
}  // namespace davit::cri
