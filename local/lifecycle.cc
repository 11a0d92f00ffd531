// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/lifecycle.h"

#include <signal.h>

#include <algorithm>
#include <tuple>

#include "local/spec_update.h"

namespace davit::local {
namespace {

constexpr int64_t kFirstRestartMs = 100;
constexpr int64_t kFirstRetryMs = 1'000;
constexpr int64_t kLongestPauseMs = 60'000;
constexpr uint32_t kMostDoublings = 10;
// A run of less than this suggests that the next one will end like it.
constexpr int64_t kQuickMs = 10'000;
constexpr int64_t kNanosecondsPerMs = 1'000'000;

// The pause after so many failures in a row.
int64_t PauseMs(int64_t first_ms, uint32_t failures) {
  uint32_t doublings = failures == 0 ? 0 : std::min(failures - 1, kMostDoublings);
  return std::min(first_ms << doublings, kLongestPauseMs);
}

bool PolicyWants(const api::RestartPolicy& policy, const LocalRecord& record) {
  switch (policy.when()) {
    case api::RestartPolicy::ALWAYS:
    case api::RestartPolicy::UNLESS_STOPPED:
      return true;
    case api::RestartPolicy::ON_FAILURE:
      return record.exit_code != 0 &&
             (policy.max_retries() == 0 || record.restart_count < policy.max_retries());
    default:
      return false;
  }
}

Next NextAfterEnd(const LocalRecord& record, const api::ContainerSpec& spec) {
  if (spec.auto_remove()) return Next::kRemove;
  return !record.stopped && PolicyWants(PolicyInForce(spec, record), record) ? Next::kRestart
                                                                             : Next::kNothing;
}

// By the clock that nobody sets, if this daemon has started the run.
bool WasQuick(const LocalRecord& record, int64_t finished_at, int64_t now_ms) {
  if (record.started_ms > 0) return now_ms - record.started_ms < kQuickMs;
  return finished_at - record.started_at < kQuickMs * kNanosecondsPerMs;
}

void End(LocalRecord& record, const Outcome& outcome) {
  record.status = Status::kEnding;
  record.finished_at = outcome.finished_at;
  record.exit_code = outcome.exit_code;
  record.oom_killed = outcome.oom_killed;
  record.error = outcome.error;
  record.due_ms = 0;
}

Outcome Interrupted(const LocalRecord& record, int64_t now) {
  return {record.started_at == 0 ? 0 : now, kLostExitCode, /*oom_killed=*/false,
          "the daemon ended before it had started the container"};
}

Outcome Lost(int64_t now) {
  return {now, kLostExitCode, /*oom_killed=*/false, "its pod was lost, and how it has ended is not known"};
}

// A container that has never run waits for a person, unless a start by the policy was interrupted.
void PlanAfterBoot(LocalRecord& record, const api::ContainerSpec& spec, int64_t now_ms) {
  if (IsRunning(record) || record.status == Status::kRemoving) return;
  bool revived = record.stopped && record.started_at > 0 &&
                 PolicyInForce(spec, record).when() == api::RestartPolicy::ALWAYS;
  if (revived) record.stopped = false;
  if (record.next == Next::kNothing && record.started_at > 0) record.next = NextAfterEnd(record, spec);
  if (IsRestarting(record) && !HasRun(record))
    record.due_ms = now_ms + (revived ? 0 : PauseMs(kFirstRestartMs, record.quick_ends));
}

auto Persistent(const LocalRecord& record) {
  return std::tie(record.status, record.stopped, record.next, record.run, record.started_at,
                  record.finished_at, record.exit_code, record.oom_killed, record.error);
}

}  // namespace

bool IsRunning(const LocalRecord& record) {
  return record.status == Status::kRunning;
}

bool HasRun(const LocalRecord& record) {
  return record.status == Status::kStarting || record.status == Status::kRunning ||
         record.status == Status::kEnding;
}

bool IsRestarting(const LocalRecord& record) {
  return record.next == Next::kRestart;
}

bool IsWanted(const LocalRecord& record) {
  return record.status == Status::kStarting || IsRunning(record) || IsRestarting(record);
}

bool IsUp(const LocalRecord& record) {
  return HasRun(record) || IsRestarting(record);
}

api::ContainerState::Status StatusOf(const LocalRecord& record) {
  if (record.status == Status::kRemoving) return api::ContainerState::REMOVING;
  if (IsRestarting(record)) return api::ContainerState::RESTARTING;
  if (IsRunning(record) || record.status == Status::kEnding) return api::ContainerState::RUNNING;
  return record.started_at == 0 ? api::ContainerState::CREATED : api::ContainerState::EXITED;
}

uint32_t LastEndedRun(const LocalRecord& record) {
  return HasRun(record) ? record.run - 1 : record.run;
}

bool EndsPolicy(const LocalRecord& record, int signo) {
  return signo == SIGKILL || record.stop_signal == 0 || record.stop_signal == signo;
}

std::optional<int32_t> EndFor(const LocalRecord& record, api::WaitContainerRequest::Condition condition,
                              uint32_t ended_run) {
  bool reached = record.gone;
  bool ended = LastEndedRun(record) > ended_run;
  if (condition == api::WaitContainerRequest::NEXT_EXIT)
    reached = reached || ended;
  else if (condition != api::WaitContainerRequest::REMOVED)
    reached = reached || ended || !IsUp(record);
  return reached ? std::optional(record.exit_code) : std::nullopt;
}

Due DueOf(const LocalRecord& record) {
  if (record.gone) return {};
  switch (record.status) {
    case Status::kEnding:
      return {Step::kEnd, record.due_ms, record.attempts > 0};
    case Status::kRemoving:
      return {Step::kRemove, record.due_ms, record.attempts > 0};
    case Status::kCreated:
    case Status::kExited:
      if (IsRestarting(record)) return {Step::kStart, record.due_ms, false};
      return {};
    case Status::kStarting:
    case Status::kRunning:
    case Status::kMaking:
      return {};
  }
  return {};
}

bool Made(LocalRecord& record) {
  if (record.status != Status::kMaking) return false;
  record.status = Status::kCreated;
  return true;
}

bool BeginStart(LocalRecord& record, StartedBy by, int64_t now_ms) {
  if (HasRun(record) || record.status == Status::kRemoving || record.status == Status::kMaking) return false;
  if (by == StartedBy::kPolicy) {
    if (!IsRestarting(record) || now_ms < record.due_ms) return false;
    ++record.restart_count;
  } else {
    record.restart_count = record.quick_ends = 0;
    record.stopped = false;
    record.next = Next::kNothing;
  }
  ++record.run;
  record.status = Status::kStarting;
  record.started_ms = 0;
  return true;
}

bool Started(LocalRecord& record, int64_t now, int64_t now_ms) {
  if (record.status != Status::kStarting) return false;
  record.status = Status::kRunning;
  record.next = Next::kNothing;
  record.error.clear();
  record.started_at = now;
  record.started_ms = now_ms;
  return true;
}

// The policy takes a start of its own that has failed for a run that has ended at once. A person sees that it
// has failed.
bool StartFailed(LocalRecord& record, const api::ContainerSpec& spec, const std::string& error,
                 int32_t exit_code, int64_t now) {
  if (record.status != Status::kStarting) return false;
  bool by_policy = IsRestarting(record);
  End(record, {record.started_at == 0 ? 0 : now, exit_code, /*oom_killed=*/false, error});
  ++record.quick_ends;
  record.next = by_policy || spec.auto_remove() ? NextAfterEnd(record, spec) : Next::kNothing;
  return true;
}

bool NoteOutcome(LocalRecord& record, const api::ContainerSpec& spec, const Outcome& outcome,
                 int64_t now_ms) {
  if (!IsRunning(record)) return false;
  bool quick = WasQuick(record, outcome.finished_at, now_ms);
  End(record, outcome);
  record.quick_ends = quick ? record.quick_ends + 1 : 0;
  record.next = NextAfterEnd(record, spec);
  return true;
}

bool Settle(LocalRecord& record, int64_t now_ms) {
  if (record.status != Status::kEnding) return false;
  record.status = record.started_at == 0 ? Status::kCreated : Status::kExited;
  if (record.next == Next::kRemove) record.status = Status::kRemoving;
  record.attempts = 0;
  record.obstacle.clear();
  record.due_ms = IsRestarting(record) ? now_ms + PauseMs(kFirstRestartMs, record.quick_ends) : 0;
  return true;
}

bool NotRemoved(LocalRecord& record, const std::string& obstacle, int64_t now_ms) {
  if (record.status != Status::kEnding && record.status != Status::kRemoving) return false;
  ++record.attempts;
  record.obstacle = obstacle;
  record.due_ms = now_ms + PauseMs(kFirstRetryMs, record.attempts);
  return true;
}

bool Stop(LocalRecord& record) {
  if (record.status == Status::kRemoving || (record.stopped && !IsRestarting(record))) return false;
  record.stopped = true;
  if (IsRestarting(record)) record.next = Next::kNothing;
  return true;
}

bool UndoStop(LocalRecord& record, const LocalRecord& was) {
  if (record.run != was.run || record.status != was.status || was.stopped || !record.stopped) return false;
  record.stopped = false;
  record.next = was.next;
  return true;
}

bool NoteUpdate(LocalRecord& record, const api::ContainerSpec& spec, const std::string& update) {
  if (record.status == Status::kRemoving) return false;
  record.update = update;
  bool planned = IsRestarting(record) && record.status != Status::kStarting;
  if (planned && !PolicyWants(PolicyInForce(spec, record), record)) record.next = Next::kNothing;
  return true;
}

bool BeginRemove(LocalRecord& record, AnonymousVolumes volumes) {
  bool more = volumes == AnonymousVolumes::kGo && !record.remove_volumes;
  if (HasRun(record) || (record.status == Status::kRemoving && !more)) return false;
  if (more) record.remove_volumes = true;
  record.status = Status::kRemoving;
  record.next = Next::kRemove;
  record.due_ms = 0;
  return true;
}

bool AdoptRun(LocalRecord& record) {
  if (record.status != Status::kExited) return false;
  record.status = Status::kRunning;
  return true;
}

bool Recover(LocalRecord& record, const api::ContainerSpec& spec, const Found& found, int64_t now,
             int64_t now_ms) {
  const LocalRecord was = record;
  if (record.status == Status::kMaking) BeginRemove(record, AnonymousVolumes::kGo);
  bool reached = found.kind == Found::kRunning || (found.kind == Found::kEnded && found.started_at > 0);
  if (record.status == Status::kStarting && reached) Started(record, found.started_at, /*now_ms=*/0);
  if (record.status == Status::kStarting) {
    End(record, found.kind == Found::kEnded ? found.outcome : Interrupted(record, now));
    ++record.quick_ends;
    record.next = NextAfterEnd(record, spec);
  }
  if (IsRunning(record) && found.kind != Found::kRunning)
    NoteOutcome(record, spec, found.kind == Found::kEnded ? found.outcome : Lost(now), now_ms);
  PlanAfterBoot(record, spec, now_ms);
  return Persistent(record) != Persistent(was) || record.due_ms != was.due_ms;
}

}  // namespace davit::local
