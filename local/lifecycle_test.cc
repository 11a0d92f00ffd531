// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/lifecycle.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <set>
#include <vector>

#include "base/codec.h"
#include "shim/exit_code.h"

namespace davit::local {
namespace {

using When = api::RestartPolicy;
using Condition = api::WaitContainerRequest;
using State = api::ContainerState;

constexpr int64_t kSecond = 1'000'000'000;

api::ContainerSpec Spec(When::When when = When::NEVER, uint32_t max_retries = 0) {
  api::ContainerSpec spec;
  spec.mutable_restart()->set_when(when);
  spec.mutable_restart()->set_max_retries(max_retries);
  return spec;
}

api::ContainerSpec AutoRemoved() {
  api::ContainerSpec spec;
  spec.set_auto_remove(true);
  return spec;
}

LocalRecord Starting() {
  LocalRecord record;
  EXPECT_TRUE(BeginStart(record, StartedBy::kPerson, 0));
  return record;
}

LocalRecord Running() {
  LocalRecord record = Starting();
  EXPECT_TRUE(Started(record, kSecond, 1'000));
  return record;
}

LocalRecord Ending(int32_t exit_code, const api::ContainerSpec& spec, int64_t seconds = 1) {
  LocalRecord record = Running();
  EXPECT_TRUE(NoteOutcome(record, spec, {kSecond + seconds * kSecond, exit_code, false, ""},
                          1'000 + seconds * 1'000));
  return record;
}

LocalRecord Ended(int32_t exit_code, const api::ContainerSpec& spec = Spec(), int64_t seconds = 1) {
  LocalRecord record = Ending(exit_code, spec, seconds);
  EXPECT_TRUE(Settle(record, 0));
  return record;
}

// What is in the database: a daemon that is killed loses the rest.
LocalRecord AfterKill(const LocalRecord& record) {
  LocalRecord copy = record;
  return Decode<LocalRecord>(Encode(copy), "record").value();
}

struct Event {
  const char* name;
  std::function<bool(LocalRecord&)> happens;
  std::set<Status> allowed;
  Status to;  // unless a test says otherwise
};

const std::vector<Event>& Events() {
  static const std::vector<Event> events = {
      {"Made", [](LocalRecord& r) { return Made(r); }, {Status::kMaking}, Status::kCreated},
      {"BeginStart",
       [](LocalRecord& r) { return BeginStart(r, StartedBy::kPerson, 0); },
       {Status::kCreated, Status::kExited},
       Status::kStarting},
      {"Started",
       [](LocalRecord& r) { return Started(r, kSecond, 1); },
       {Status::kStarting},
       Status::kRunning},
      {"StartFailed",
       [](LocalRecord& r) { return StartFailed(r, Spec(), "no", 125, kSecond); },
       {Status::kStarting},
       Status::kEnding},
      {"NoteOutcome",
       [](LocalRecord& r) { return NoteOutcome(r, Spec(), {kSecond, 3, true, ""}, 1); },
       {Status::kRunning},
       Status::kEnding},
      {"Settle", [](LocalRecord& r) { return Settle(r, 0); }, {Status::kEnding}, Status::kExited},
      {"BeginRemove",
       [](LocalRecord& r) { return BeginRemove(r, AnonymousVolumes::kStay); },
       {Status::kCreated, Status::kExited, Status::kMaking},
       Status::kRemoving},
  };
  return events;
}

TEST(Lifecycle, AllStatusesAndEvents) {
  for (int status = 0; status <= static_cast<int>(LastOf(Status())); ++status) {
    for (const Event& event : Events()) {
      LocalRecord record;
      record.status = static_cast<Status>(status);
      record.run = 1;
      record.started_at = kSecond;
      bool allowed = event.allowed.contains(record.status);
      EXPECT_EQ(event.happens(record), allowed) << event.name << " in " << status;
      EXPECT_EQ(record.status, allowed ? event.to : static_cast<Status>(status))
          << event.name << " in " << status;
    }
  }
}

TEST(Lifecycle, WhatTheStatusesMean) {
  struct Row {
    LocalRecord record;
    bool has_run, wanted, up;
    State::Status shown;
    uint32_t last_ended;
    Step due;
  };
  LocalRecord restarting = Ended(1, Spec(When::ALWAYS));
  LocalRecord restarts = restarting;
  ASSERT_TRUE(BeginStart(restarts, StartedBy::kPolicy, restarting.due_ms));
  LocalRecord removing = Ended(0, AutoRemoved());
  LocalRecord gone = removing;
  gone.gone = true;
  LocalRecord making;
  making.status = Status::kMaking;
  const std::vector<Row> rows = {
      {making, false, false, false, State::CREATED, 0, Step::kNone},
      {LocalRecord(), false, false, false, State::CREATED, 0, Step::kNone},
      {Starting(), true, true, true, State::CREATED, 0, Step::kNone},
      {Running(), true, true, true, State::RUNNING, 0, Step::kNone},
      {Ending(1, Spec()), true, false, true, State::RUNNING, 0, Step::kEnd},
      {Ending(1, Spec(When::ALWAYS)), true, true, true, State::RESTARTING, 0, Step::kEnd},
      {Ended(1), false, false, false, State::EXITED, 1, Step::kNone},
      {restarting, false, true, true, State::RESTARTING, 1, Step::kStart},
      {restarts, true, true, true, State::RESTARTING, 1, Step::kNone},
      {removing, false, false, false, State::REMOVING, 1, Step::kRemove},
      {gone, false, false, false, State::REMOVING, 1, Step::kNone},
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    EXPECT_EQ(HasRun(row.record), row.has_run) << i;
    EXPECT_EQ(IsWanted(row.record), row.wanted) << i;
    EXPECT_EQ(IsUp(row.record), row.up) << i;
    EXPECT_EQ(StatusOf(row.record), row.shown) << i;
    EXPECT_EQ(LastEndedRun(row.record), row.last_ended) << i;
    EXPECT_EQ(DueOf(row.record).step, row.due) << i;
  }
}

TEST(Lifecycle, TheLastOutcomeStaysUntilTheNext) {
  LocalRecord record = Ended(3);
  ASSERT_TRUE(BeginStart(record, StartedBy::kPerson, 0));
  ASSERT_TRUE(Started(record, 5 * kSecond, 5'000));
  EXPECT_EQ(record.exit_code, 3);
  EXPECT_EQ(LastEndedRun(record), 1u);
  ASSERT_TRUE(NoteOutcome(record, Spec(), {6 * kSecond, 0, false, ""}, 6'000));
  EXPECT_EQ(record.exit_code, 0);
}

TEST(Lifecycle, AFirstStartThatFailsLeavesItCreated) {
  LocalRecord record = Starting();
  ASSERT_TRUE(StartFailed(record, Spec(When::ALWAYS), "no such file", shim::kNotFound, kSecond));
  ASSERT_TRUE(Settle(record, 0));
  EXPECT_EQ(record.status, Status::kCreated);
  EXPECT_EQ(record.exit_code, shim::kNotFound);
  EXPECT_FALSE(IsRestarting(record)) << "who started it sees that it has failed";
}

TEST(Lifecycle, AStartThatFailsIsRemovedToo) {
  LocalRecord record = Starting();
  ASSERT_TRUE(StartFailed(record, AutoRemoved(), "no such file", shim::kNotFound, kSecond));
  ASSERT_TRUE(Settle(record, 0));
  EXPECT_EQ(DueOf(record).step, Step::kRemove);
}

TEST(Lifecycle, WhatCannotBeRemovedIsTriedAgainAfterGrowingPauses) {
  LocalRecord record = Ending(0, Spec());
  EXPECT_FALSE(DueOf(record).again);
  ASSERT_TRUE(NotRemoved(record, "busy", 10'000));
  EXPECT_EQ(DueOf(record).at_ms, 11'000);
  EXPECT_TRUE(DueOf(record).again);
  ASSERT_TRUE(NotRemoved(record, "busy", 20'000));
  EXPECT_EQ(DueOf(record).at_ms, 22'000);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(NotRemoved(record, "busy", 0));
  EXPECT_EQ(DueOf(record).at_ms, 60'000);
  ASSERT_TRUE(Settle(record, 0));
  EXPECT_EQ(record.obstacle, "");
  EXPECT_FALSE(NotRemoved(record, "busy", 0));
}

TEST(Lifecycle, WaitsAnswerWithTheOutcomeThatTheyWaitFor) {
  struct Row {
    const char* name;
    LocalRecord record;
    uint32_t since;
    std::optional<int32_t> not_running, next_exit;
  };
  LocalRecord gone = Ended(4);
  gone.gone = true;
  LocalRecord again = Ended(4, Spec(When::ALWAYS));
  ASSERT_TRUE(BeginStart(again, StartedBy::kPolicy, again.due_ms));
  ASSERT_TRUE(Started(again, 3 * kSecond, 3'000));
  LocalRecord stopped_in_pause = Ended(4, Spec(When::ALWAYS));
  ASSERT_TRUE(Stop(stopped_in_pause));
  const std::vector<Row> rows = {
      {"never run", LocalRecord(), 0, 0, std::nullopt},
      {"runs", Running(), 0, std::nullopt, std::nullopt},
      {"its pod goes", Ending(4, Spec()), 0, std::nullopt, std::nullopt},
      {"ended", Ended(4), 0, 4, 4},
      {"ended before", Ended(4), 1, 4, std::nullopt},
      {"in the pause", Ended(4, Spec(When::ALWAYS)), 1, std::nullopt, std::nullopt},
      {"runs again already", again, 0, 4, 4},
      {"stopped in the pause", stopped_in_pause, 1, 4, std::nullopt},
      {"gone", gone, 1, 4, 4},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(EndFor(row.record, Condition::NOT_RUNNING, row.since), row.not_running) << row.name;
    EXPECT_EQ(EndFor(row.record, Condition::CONDITION_UNSPECIFIED, row.since), row.not_running) << row.name;
    EXPECT_EQ(EndFor(row.record, Condition::NEXT_EXIT, row.since), row.next_exit) << row.name;
    EXPECT_EQ(EndFor(row.record, Condition::REMOVED, row.since).has_value(), row.record.gone) << row.name;
  }
}

TEST(Lifecycle, SignalsEndThePolicyAsInDocker) {
  LocalRecord plain;
  EXPECT_TRUE(EndsPolicy(plain, SIGHUP));
  LocalRecord nginx;
  nginx.stop_signal = SIGQUIT;
  EXPECT_FALSE(EndsPolicy(nginx, SIGHUP));
  EXPECT_TRUE(EndsPolicy(nginx, SIGQUIT));
  EXPECT_TRUE(EndsPolicy(nginx, SIGKILL));
}

TEST(Lifecycle, AStopThatWasNotSentIsTakenBack) {
  LocalRecord record = Running();
  const LocalRecord was = record;
  ASSERT_TRUE(Stop(record));
  ASSERT_TRUE(UndoStop(record, was));
  EXPECT_FALSE(record.stopped);
  ASSERT_TRUE(Stop(record));
  ASSERT_TRUE(NoteOutcome(record, Spec(When::ALWAYS), {2 * kSecond, 0, false, ""}, 2'000));
  EXPECT_FALSE(UndoStop(record, was)) << "it has ended, and stays so";
}

TEST(RestartPolicy, DecidesByTheExitCodeAndByPeople) {
  struct Row {
    api::ContainerSpec spec;
    int32_t exit_code;
    bool stopped, restarts, restarts_after_boot;
  };
  for (const Row& row :
       {Row{Spec(), 1, false, false, false}, Row{Spec(When::WHEN_UNSPECIFIED), 1, false, false, false},
        Row{Spec(When::ON_FAILURE), 0, false, false, false},
        Row{Spec(When::ON_FAILURE), 1, false, true, true}, Row{Spec(When::ON_FAILURE), 1, true, false, false},
        Row{Spec(When::ALWAYS), 0, false, true, true}, Row{Spec(When::ALWAYS), 0, true, false, true},
        Row{Spec(When::UNLESS_STOPPED), 0, false, true, true},
        Row{Spec(When::UNLESS_STOPPED), 0, true, false, false}}) {
    LocalRecord record = Running();
    if (row.stopped) {
      ASSERT_TRUE(Stop(record));
    }
    ASSERT_TRUE(NoteOutcome(record, row.spec, {2 * kSecond, row.exit_code, false, ""}, 2'000));
    ASSERT_TRUE(Settle(record, 0));
    EXPECT_EQ(IsRestarting(record), row.restarts) << row.spec.DebugString();
    record = AfterKill(record);
    Recover(record, row.spec, {}, 9 * kSecond, 500);
    EXPECT_EQ(IsRestarting(record), row.restarts_after_boot) << row.spec.DebugString();
    EXPECT_EQ(record.exit_code, row.exit_code);
  }
}

TEST(RestartPolicy, GivesUpAfterTheRetries) {
  api::ContainerSpec spec = Spec(When::ON_FAILURE, 2);
  LocalRecord record = Ended(1, spec);
  for (int retry = 0; retry < 2; ++retry) {
    ASSERT_TRUE(BeginStart(record, StartedBy::kPolicy, record.due_ms));
    EXPECT_EQ(StatusOf(record), State::RESTARTING) << "also during the last of them";
    ASSERT_TRUE(StartFailed(record, spec, "", 1, kSecond));
    ASSERT_TRUE(Settle(record, 0));
  }
  EXPECT_FALSE(IsRestarting(record));
  EXPECT_EQ(StatusOf(record), State::EXITED);
  ASSERT_TRUE(BeginStart(record, StartedBy::kPerson, 0)) << "who starts it gives it new retries";
  EXPECT_EQ(record.restart_count, 0u);
}

TEST(RestartPolicy, PausesGrowWhileRunsAreShort) {
  api::ContainerSpec spec = Spec(When::ALWAYS);
  LocalRecord record = Ended(0, spec);
  EXPECT_EQ(record.due_ms, 100);
  for (int64_t pause : {200, 400, 800, 1'600, 3'200, 6'400, 12'800, 25'600, 51'200, 60'000, 60'000}) {
    ASSERT_TRUE(BeginStart(record, StartedBy::kPolicy, record.due_ms));
    ASSERT_TRUE(Started(record, kSecond, 1'000));
    ASSERT_TRUE(NoteOutcome(record, spec, {2 * kSecond, 0, false, ""}, 2'000));
    ASSERT_TRUE(Settle(record, 0));
    EXPECT_EQ(record.due_ms, pause);
  }
  EXPECT_EQ(Ended(0, spec, /*seconds=*/11).due_ms, 100);
}

// The wall clock may jump.
TEST(RestartPolicy, ShortIsWhatTheMonotonicClockSays) {
  api::ContainerSpec spec = Spec(When::ALWAYS);
  LocalRecord record = Running();
  ASSERT_TRUE(NoteOutcome(record, spec, {3'600 * kSecond, 1, false, ""}, 1'500));
  EXPECT_EQ(record.quick_ends, 1u);
}

TEST(RestartPolicy, StartsOnceAndOnlyWhatIsStillDue) {
  api::ContainerSpec spec = Spec(When::ON_FAILURE);
  LocalRecord record = Ended(1, spec);
  int64_t due_ms = record.due_ms;
  EXPECT_FALSE(BeginStart(record, StartedBy::kPolicy, due_ms - 1)) << "too early";
  LocalRecord stopped = record;
  ASSERT_TRUE(Stop(stopped));
  EXPECT_FALSE(BeginStart(stopped, StartedBy::kPolicy, due_ms));
  EXPECT_TRUE(BeginStart(stopped, StartedBy::kPerson, 0));
  // A person is quicker than the policy, and the job succeeds.
  ASSERT_TRUE(BeginStart(record, StartedBy::kPerson, 0));
  ASSERT_TRUE(Started(record, kSecond, 1'000));
  ASSERT_TRUE(NoteOutcome(record, spec, {3 * kSecond, 0, false, ""}, 3'000));
  ASSERT_TRUE(Settle(record, 3'000));
  EXPECT_FALSE(BeginStart(record, StartedBy::kPolicy, due_ms + 100'000)) << "the old alarm rings";
}

TEST(Recovery, RemovesWhatWasNotMadeCompletely) {
  LocalRecord record;
  record.status = Status::kMaking;
  record = AfterKill(record);
  EXPECT_TRUE(Recover(record, Spec(When::ALWAYS), {}, kSecond, 1'000));
  EXPECT_EQ(DueOf(record).step, Step::kRemove);
  EXPECT_TRUE(record.remove_volumes);
  record = AfterKill(record);
  EXPECT_EQ(DueOf(record).step, Step::kRemove);
  EXPECT_TRUE(record.remove_volumes);
}

TEST(Lifecycle, ARemovalCanIncludeVolumesLater) {
  LocalRecord record;
  ASSERT_TRUE(BeginRemove(record, AnonymousVolumes::kStay));
  EXPECT_FALSE(record.remove_volumes);
  EXPECT_FALSE(BeginRemove(record, AnonymousVolumes::kStay));
  EXPECT_TRUE(BeginRemove(record, AnonymousVolumes::kGo));
  EXPECT_TRUE(record.remove_volumes);
  EXPECT_FALSE(BeginRemove(record, AnonymousVolumes::kGo));
}

// A daemon is killed in each status, for each policy, and finds each thing that may be left.
TEST(Recovery, AllStatusesAndFindings) {
  const std::vector<api::ContainerSpec> specs = {Spec(), Spec(When::ON_FAILURE), Spec(When::ALWAYS),
                                                 Spec(When::UNLESS_STOPPED), AutoRemoved()};
  for (const api::ContainerSpec& spec : specs) {
    for (Status status : {Status::kCreated, Status::kStarting, Status::kRunning, Status::kEnding,
                          Status::kExited, Status::kRemoving}) {
      for (auto kind : {Found::kNothing, Found::kUnstarted, Found::kRunning, Found::kEnded}) {
        LocalRecord record = status == Status::kCreated    ? LocalRecord()
                             : status == Status::kStarting ? Starting()
                             : status == Status::kRunning  ? Running()
                                                           : Ending(6, spec);
        if (status == Status::kExited || status == Status::kRemoving) {
          ASSERT_TRUE(Settle(record, 0));
        }
        if (status == Status::kRemoving) (void)BeginRemove(record, AnonymousVolumes::kStay);
        const Status before = record.status;
        std::string where = spec.DebugString() + " status " + std::to_string(static_cast<int>(before)) +
                            " found " + std::to_string(kind);
        record = AfterKill(record);
        Recover(record, spec, {kind, kSecond, {2 * kSecond, 5, false, ""}}, 9 * kSecond, 1'000);

        bool has_had_run = before == Status::kStarting || before == Status::kRunning;
        bool goes_on = has_had_run && kind == Found::kRunning;
        EXPECT_EQ(IsRunning(record), goes_on) << where;
        EXPECT_EQ(record.run, before == Status::kCreated ? 0u : 1u) << where;
        // Nothing is left half done: it runs, or has the outcome of its run and a next step.
        EXPECT_NE(record.status, Status::kStarting) << where;
        if (goes_on || before == Status::kCreated) {
          EXPECT_EQ(DueOf(record).step, Step::kNone) << where;
          continue;
        }
        EXPECT_EQ(record.exit_code, !has_had_run ? 6 : kind == Found::kEnded ? 5 : kLostExitCode) << where;
        if (record.status == Status::kEnding) {
          EXPECT_EQ(DueOf(record).step, Step::kEnd) << where;
          ASSERT_TRUE(Settle(record, 0));
        }
        bool policy = spec.restart().when() != When::NEVER && !spec.auto_remove();
        bool removes = spec.auto_remove() || before == Status::kRemoving;
        EXPECT_EQ(DueOf(record).step, removes ? Step::kRemove : policy ? Step::kStart : Step::kNone) << where;
      }
    }
  }
}

TEST(Recovery, AnInterruptedFirstStartIsNotForgotten) {
  LocalRecord record = AfterKill(Starting());
  ASSERT_TRUE(Recover(record, Spec(When::ALWAYS), {Found::kUnstarted, 0, {}}, kSecond, 0));
  ASSERT_TRUE(Settle(record, 0));
  EXPECT_EQ(record.status, Status::kCreated);
  EXPECT_EQ(StatusOf(record), State::RESTARTING);
  record = AfterKill(record);
  Recover(record, Spec(When::ALWAYS), {}, kSecond, 1'000);
  EXPECT_EQ(DueOf(record).step, Step::kStart);
  EXPECT_EQ(DueOf(record).at_ms, 1'100);
}

TEST(Recovery, OfWhatIsAsItWasChangesNothing) {
  LocalRecord record = AfterKill(Running());
  EXPECT_FALSE(Recover(record, Spec(When::ALWAYS), {Found::kRunning, kSecond, {}}, 9 * kSecond, 1'000));
  record = AfterKill(Ended(0));
  EXPECT_FALSE(Recover(record, Spec(), {}, 9 * kSecond, 1'000));
}

}  // namespace
}  // namespace davit::local
