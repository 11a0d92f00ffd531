// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/codec.h"
#include "local/testing/local_containers_fixture.h"

namespace davit::local {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using State = api::ContainerState;
using When = api::RestartPolicy;
using Condition = api::WaitContainerRequest;

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

}  // namespace
}  // namespace davit::local
