// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The states of a local container: every transition and every question is a pure function on a record.
//
//   Making → Created (one with volumes begins as Making)
//   Making → Removing (the daemon ended meanwhile)
//   Created, Exited → Starting → Running → Ending → Exited
//                     Starting → Ending (the start failed, or was interrupted by the daemon's end)
//                                Ending → Created (no run has reached its program yet)
//                                Ending → Removing (it was created to be removed when it has ended)
//   Created, Exited → Removing
//
// What shall happen next is recorded together with what causes it, so that a daemon that is killed at any
// instant leaves behind what its successor has to do: Recover, then DueOf.
//
// No other code assigns these fields. A transition that the current status does not allow changes nothing and
// returns false. Call the transitions inside Persisted::TryChange. `now` is in nanoseconds since 1970,
// `now_ms` in MonotonicMilliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/davit/v1/containers.pb.h"
#include "local/record.h"

namespace davit::local {

namespace api = ::davit::v1;

// The exit code if it is not known; 0 would make a lost job succeed.
inline constexpr int32_t kLostExitCode = 255;

// Who starts a container.
enum class StartedBy : uint8_t { kPerson, kPolicy };

// How a run has ended.
struct Outcome {
  int64_t finished_at = 0;
  int32_t exit_code = 0;
  bool oom_killed = false;
  std::string error;  // why the exit code is not known
};

// Questions.

// The program runs, as far as is known.
bool IsRunning(const LocalRecord& record);
// It has a pod, or may have parts of one.
bool HasRun(const LocalRecord& record);
// The restart policy is going to start it, or is doing so.
bool IsRestarting(const LocalRecord& record);
// It runs, or will do so without a person's doing.
bool IsWanted(const LocalRecord& record);
// It counts as running for people, as in Docker: it has a run, or is wanted.
bool IsUp(const LocalRecord& record);
api::ContainerState::Status StatusOf(const LocalRecord& record);
// The number of the last run that has ended and has no pod any more; a failed start is a run, too.
uint32_t LastEndedRun(const LocalRecord& record);
// Whether this signal from a person keeps the restart policy from starting the container again, as in Docker:
// SIGKILL and the stop signal do, and all others if neither the spec nor the image names a stop signal.
bool EndsPolicy(const LocalRecord& record, int signo);

// A wait that began when `ended_run` was the last ended run: the exit code of the run that it waited for, or
// of the last one if it waited for something else. nullopt: it goes on.
std::optional<int32_t> EndFor(const LocalRecord& record, api::WaitContainerRequest::Condition condition,
                              uint32_t ended_run);

// The next step that needs nobody's request.
enum class Step : uint8_t {
  kNone,
  kEnd,     // remove the pod of the run that has ended
  kStart,   // by the restart policy
  kRemove,  // remove what is left of the container
};
struct Due {
  Step step = Step::kNone;
  int64_t at_ms = 0;   // MonotonicMilliseconds
  bool again = false;  // it was tried before, in vain
};
Due DueOf(const LocalRecord& record);

// Transitions.

// Its volumes exist.
bool Made(LocalRecord& record);
// A start begins. By the policy: only if its restart is due.
bool BeginStart(LocalRecord& record, StartedBy by, int64_t now_ms);
bool Started(LocalRecord& record, int64_t now, int64_t now_ms);
// The run's program was not started.
bool StartFailed(LocalRecord& record, const api::ContainerSpec& spec, const std::string& error,
                 int32_t exit_code, int64_t now);
// The program has ended.
bool NoteOutcome(LocalRecord& record, const api::ContainerSpec& spec, const Outcome& outcome, int64_t now_ms);
// Nothing is left of the run.
bool Settle(LocalRecord& record, int64_t now_ms);
// The pod of a run that has ended, or the container, could not be removed: again after a growing pause of at
// most a minute.
bool NotRemoved(LocalRecord& record, const std::string& obstacle, int64_t now_ms);
// Somebody wants it stopped; a planned restart is cancelled. Allowed in every status but Removing.
bool Stop(LocalRecord& record);
// Takes Stop back after a signal that was not sent, if nothing has happened since. `was` is the record before
// Stop.
bool UndoStop(LocalRecord& record, const LocalRecord& was);
// The spec is updated: `update` is for the record's field (spec_update.h). A planned restart that the policy
// does not want any more is cancelled. Not while it is being removed.
bool NoteUpdate(LocalRecord& record, const api::ContainerSpec& spec, const std::string& update);
// Somebody wants it removed. Not while it has a run. While it is being removed, only for kGo.
bool BeginRemove(LocalRecord& record, AnonymousVolumes volumes);

// Recovery: the record could not be read, and there is a pod of a run of the container.
bool AdoptRun(LocalRecord& record);

// What a daemon that starts finds of the container's current run.
struct Found {
  enum Kind : uint8_t { kNothing, kUnstarted, kRunning, kEnded };
  Kind kind = kNothing;
  int64_t started_at = 0;  // kRunning, kEnded; 0: its program was not executed
  Outcome outcome;         // kEnded
};
// The daemon has started. Ends a run that was lost, removes what has not been made completely, and plans what
// the restart policy wants: "always" then starts containers that somebody has stopped, too.
bool Recover(LocalRecord& record, const api::ContainerSpec& spec, const Found& found, int64_t now,
             int64_t now_ms);

}  // namespace davit::local
