// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The states of a local container: every transition is a pure function on a record.
//
//   Created → Running → Exited → Running, and every status → Removing
//
// A transition that the current status does not allow changes nothing and returns false. Call them inside
// Persisted::TryChange.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "api/davit/v1/containers.pb.h"
#include "local/record.h"

namespace davit::local {

namespace api = ::davit::v1;

// Exit codes of starts that fail, as in Docker and in shells.
inline constexpr int32_t kNotStarted = 125;
inline constexpr int32_t kNotExecutable = 126;
inline constexpr int32_t kNotFound = 127;
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

inline bool IsRunning(const LocalRecord& record) {
  return record.status == Status::kRunning;
}

// A start begins. False if the container runs or is being removed and, by the policy, if somebody has stopped
// it meanwhile.
bool BeginStart(LocalRecord& record, StartedBy by);
bool Started(LocalRecord& record, int64_t now);
bool StartFailed(LocalRecord& record, const std::string& error, int32_t exit_code, int64_t now);
// Somebody wants it stopped. Allowed in every status but Removing.
bool Stop(LocalRecord& record);
// The program has ended; its pod may still exist.
bool NoteOutcome(LocalRecord& record, const Outcome& outcome);
// The pod of a run whose outcome is known is gone.
bool Settle(LocalRecord& record);
bool BeginRemove(LocalRecord& record);

// How long the restart policy waits before it starts an ended container: 100 ms, twice as long after each
// run of less than 10 s, at most a minute. nullopt if it does not start it.
std::optional<std::chrono::milliseconds> PauseBeforeRestart(const api::RestartPolicy& policy,
                                                            const LocalRecord& record);
// The same when the daemon starts: the policy "always" then starts stopped containers, too.
std::optional<std::chrono::milliseconds> PauseAfterBoot(const api::RestartPolicy& policy,
                                                        const LocalRecord& record);

}  // namespace davit::local
