// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/phases.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace davit::cri {
namespace {

using enum ContainerPhase;

constexpr ContainerPhase kContainerPhases[] = {kCreated, kStarting, kRunning, kExited, kRemoving};
constexpr SandboxPhase kSandboxPhases[] = {SandboxPhase::kCreating, SandboxPhase::kReady,
                                           SandboxPhase::kNotReady, SandboxPhase::kStopped};

// What one event does in each phase: the phase after it, for the phases that it changes anything in. In all
// others it returns false and leaves the record alone.
struct ContainerEvent {
  const char* name;
  std::function<bool(ContainerRecord&)> apply;
  std::map<ContainerPhase, ContainerPhase> moves;
};

const shim::ContainerExited kExit{"c1", 3, 0, false, 77};
const shim::LiveContainer kLive{"c1", 42, 50, 1, 2, {3}};

const ContainerEvent kContainerEvents[] = {
    {"begin start", phases::BeginStart, {{kCreated, kStarting}}},
    {"started",
     [](ContainerRecord& r) { return phases::Started(r, kLive); },
     {{kStarting, kRunning}, {kRunning, kRunning}, {kExited, kExited}}},
    {"start failed",
     [](ContainerRecord& r) { return phases::StartFailed(r, "no", 9); },
     {{kStarting, kExited}}},
    {"exited",
     [](ContainerRecord& r) { return phases::Exited(r, kExit); },
     {{kStarting, kExited}, {kRunning, kExited}}},
    {"begin losing", phases::BeginLosing, {{kStarting, kStarting}, {kRunning, kRunning}}},
    {"lost",
     [](ContainerRecord& r) { return phases::Lost(r, "gone", 9); },
     {{kStarting, kExited}, {kRunning, kExited}}},
    {"adopt start", phases::AdoptStart, {{kCreated, kStarting}}},
    {"abandon start", phases::AbandonStart, {{kStarting, kCreated}}},
    {"begin remove", phases::BeginRemove, {{kCreated, kRemoving}, {kExited, kRemoving}}},
};

TEST(Phases, EveryContainerEventInEveryPhase) {
  for (const ContainerEvent& event : kContainerEvents) {
    for (ContainerPhase before : kContainerPhases) {
      SCOPED_TRACE(std::string(event.name) + " in phase " + std::to_string(static_cast<int>(before)));
      ContainerRecord record;
      record.phase = before;
      std::string untouched = Encode(record);
      auto move = event.moves.find(before);
      bool allowed = move != event.moves.end();
      EXPECT_EQ(event.apply(record), allowed);
      if (allowed)
        EXPECT_EQ(record.phase, move->second);
      else
        EXPECT_EQ(Encode(record), untouched);
    }
  }
}

struct SandboxEvent {
  const char* name;
  std::function<bool(SandboxRecord&)> apply;
  std::map<SandboxPhase, SandboxPhase> moves;
};

const SandboxEvent kSandboxEvents[] = {
    {"become ready", phases::BecomeReady, {{SandboxPhase::kCreating, SandboxPhase::kReady}}},
    {"begin stop", phases::BeginStop, {{SandboxPhase::kReady, SandboxPhase::kNotReady}}},
    {"fail",
     [](SandboxRecord& r) { return phases::Fail(r, "its shim died"); },
     {{SandboxPhase::kCreating, SandboxPhase::kNotReady}, {SandboxPhase::kReady, SandboxPhase::kNotReady}}},
    {"not undone",
     [](SandboxRecord& r) { return phases::NotUndone(r, "no room"); },
     {{SandboxPhase::kCreating, SandboxPhase::kNotReady},
      {SandboxPhase::kReady, SandboxPhase::kNotReady},
      {SandboxPhase::kNotReady, SandboxPhase::kNotReady},
      {SandboxPhase::kStopped, SandboxPhase::kStopped}}},
    {"stopped",
     phases::Stopped,
     {{SandboxPhase::kCreating, SandboxPhase::kStopped},
      {SandboxPhase::kReady, SandboxPhase::kStopped},
      {SandboxPhase::kNotReady, SandboxPhase::kStopped}}},
};

TEST(Phases, EverySandboxEventInEveryPhase) {
  for (const SandboxEvent& event : kSandboxEvents) {
    for (SandboxPhase before : kSandboxPhases) {
      SCOPED_TRACE(std::string(event.name) + " in phase " + std::to_string(static_cast<int>(before)));
      SandboxRecord record;
      record.phase = before;
      std::string untouched = Encode(record);
      auto move = event.moves.find(before);
      bool allowed = move != event.moves.end();
      EXPECT_EQ(event.apply(record), allowed);
      if (allowed)
        EXPECT_EQ(record.phase, move->second);
      else
        EXPECT_EQ(Encode(record), untouched);
    }
  }
}

ContainerRecord InPhase(ContainerPhase phase) {
  ContainerRecord record;
  record.phase = phase;
  return record;
}

TEST(Phases, PredicatesOfEveryContainerPhase) {
  struct Row {
    ContainerPhase phase;
    bool planned, starting, running, process, ended, removing;
  };
  for (const Row& row : {Row{kCreated, true, false, false, false, false, false},
                         Row{kStarting, false, true, false, true, false, false},
                         Row{kRunning, false, false, true, true, false, false},
                         Row{kExited, false, false, false, false, true, false},
                         Row{kRemoving, false, false, false, false, true, true}}) {
    SCOPED_TRACE(static_cast<int>(row.phase));
    ContainerRecord record = InPhase(row.phase);
    EXPECT_EQ(phases::IsPlanned(record), row.planned);
    EXPECT_EQ(phases::IsStarting(record), row.starting);
    EXPECT_EQ(phases::IsRunning(record), row.running);
    EXPECT_EQ(phases::MayHaveProcess(record), row.process);
    EXPECT_EQ(phases::HasEnded(record), row.ended);
    EXPECT_EQ(phases::IsRemoving(record), row.removing);
  }
}

TEST(Phases, PredicatesOfEverySandboxPhase) {
  struct Row {
    SandboxPhase phase;
    bool creating, ready, stopped;
  };
  for (const Row& row :
       {Row{SandboxPhase::kCreating, true, false, false}, Row{SandboxPhase::kReady, false, true, false},
        Row{SandboxPhase::kNotReady, false, false, false}, Row{SandboxPhase::kStopped, false, false, true}}) {
    SCOPED_TRACE(static_cast<int>(row.phase));
    SandboxRecord record;
    record.phase = row.phase;
    EXPECT_EQ(phases::IsCreating(record), row.creating);
    EXPECT_EQ(phases::IsReady(record), row.ready);
    EXPECT_EQ(phases::IsStopped(record), row.stopped);
  }
}

TEST(Phases, NewRecordsBeginInTheFirstPhase) {
  SandboxRecord sandbox = phases::NewSandbox("s1", 5);
  EXPECT_EQ(sandbox.id, "s1");
  EXPECT_EQ(sandbox.created_at, 5);
  EXPECT_TRUE(phases::IsCreating(sandbox));
  ContainerRecord container = phases::NewContainer("c1", "s1", 5);
  EXPECT_EQ(container.id, "c1");
  EXPECT_EQ(container.sandbox_id, "s1");
  EXPECT_EQ(container.created_at, 5);
  EXPECT_TRUE(phases::IsPlanned(container));
}

TEST(Phases, AnExitSaysHowItEnded) {
  struct Row {
    shim::ContainerExited exited;
    const char* reason;
  };
  for (const Row& row : {Row{{"c1", 0, 0, false, 5}, "Completed"}, Row{{"c1", 1, 0, false, 5}, "Error"},
                         Row{{"c1", 137, 9, true, 5}, "OOMKilled"}}) {
    ContainerRecord record = InPhase(kRunning);
    record.lost = true;
    EXPECT_TRUE(phases::Exited(record, row.exited));
    EXPECT_EQ(record.reason, row.reason);
    EXPECT_EQ(record.exit_code, row.exited.exit_code);
    EXPECT_EQ(record.oom_killed, row.exited.oom_killed);
    EXPECT_EQ(record.finished_at, 5);
    EXPECT_FALSE(record.lost) << "its end is known after all";
  }
}

TEST(Phases, AStartThatFailedHasAStartAndAFinish) {
  ContainerRecord record = InPhase(kStarting);
  EXPECT_TRUE(phases::StartFailed(record, "execve /x: no such file", 9));
  EXPECT_EQ(record.exit_code, 128);
  EXPECT_EQ(record.reason, "StartError");
  EXPECT_EQ(record.message, "execve /x: no such file");
  EXPECT_EQ(record.started_at, 9);
  EXPECT_EQ(record.finished_at, 9);
  EXPECT_TRUE(phases::FailedToStart(record));
}

TEST(Phases, AFailedStartReplacesALossThatWasRecordedFirst) {
  ContainerRecord record = InPhase(kStarting);
  EXPECT_TRUE(phases::BeginLosing(record));
  EXPECT_TRUE(phases::Lost(record, "the pod's shim died", 9));
  EXPECT_EQ(record.started_at, 9) << "a finish without a start";
  EXPECT_TRUE(phases::StartFailed(record, "the shim's connection is closed", 10));
  EXPECT_EQ(record.reason, "StartError");
  EXPECT_EQ(record.exit_code, 128);
  EXPECT_FALSE(record.lost);
}

TEST(Phases, AFailedStartDoesNotReplaceTheLossOfAContainerThatRan) {
  ContainerRecord record = InPhase(kStarting);
  EXPECT_TRUE(phases::Started(record, kLive));
  EXPECT_TRUE(phases::Lost(record, "the pod's shim died", 9));
  EXPECT_FALSE(phases::StartFailed(record, "no", 10));
  EXPECT_EQ(record.reason, "Unknown");
}

TEST(Phases, AnExitThatIsReportedBeforeTheStartHasAStartUntilTheTrueOneComes) {
  ContainerRecord record = InPhase(kStarting);
  EXPECT_TRUE(phases::Exited(record, kExit));
  EXPECT_EQ(record.started_at, 77);
  EXPECT_TRUE(phases::Started(record, kLive));
  EXPECT_EQ(record.started_at, 50);
}

TEST(Phases, AnUnknownEndIsNeverASuccess) {
  ContainerRecord record = InPhase(kRunning);
  EXPECT_TRUE(phases::Lost(record, "the pod's shim died", 9));
  EXPECT_EQ(record.exit_code, 255);
  EXPECT_EQ(record.reason, "Unknown");
  EXPECT_EQ(record.finished_at, 9);
}

TEST(Phases, AnExitThatOvertookTheStartKeepsItsPhase) {
  ContainerRecord record = InPhase(kStarting);
  EXPECT_TRUE(phases::Exited(record, kExit));
  EXPECT_TRUE(phases::Started(record, kLive));
  EXPECT_EQ(record.phase, kExited);
  EXPECT_EQ(record.started_at, 50);
  EXPECT_EQ(record.pid, 42);
}

TEST(Phases, ASandboxThatIsNotUndoneSaysWhyItsCreationFailed) {
  SandboxRecord record;
  EXPECT_TRUE(phases::Fail(record, "its shim died"));
  EXPECT_TRUE(phases::NotUndone(record, "no address is free"));
  EXPECT_EQ(record.reason, "no address is free");
}

TEST(Phases, ASandboxKeepsTheFirstReason) {
  SandboxRecord record;
  record.phase = SandboxPhase::kReady;
  EXPECT_TRUE(phases::Fail(record, "first"));
  EXPECT_FALSE(phases::Fail(record, "second"));
  EXPECT_EQ(record.reason, "first");
}

}  // namespace
}  // namespace davit::cri
