// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/lifecycle.h"

#include <algorithm>

namespace davit::local {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause(100);
constexpr milliseconds kLongestPause(60'000);
constexpr uint32_t kMostDoublings = 10;
// A run of less than this suggests that the next one will end like it.
constexpr int64_t kQuickNanoseconds = 10'000'000'000;

milliseconds PauseAfter(uint32_t quick_ends) {
  uint32_t doublings = quick_ends == 0 ? 0 : std::min(quick_ends - 1, kMostDoublings);
  return std::min(kFirstPause * (1 << doublings), kLongestPause);
}

bool Wants(const api::RestartPolicy& policy, const LocalRecord& record) {
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

}  // namespace

bool BeginStart(LocalRecord& record, StartedBy by) {
  if (record.status == Status::kRunning || record.status == Status::kRemoving) return false;
  if (by == StartedBy::kPolicy && record.stopped) return false;
  if (by == StartedBy::kPerson) record.restart_count = record.quick_ends = 0;
  if (by == StartedBy::kPolicy) ++record.restart_count;
  record.stopped = false;
  ++record.starts;
  return true;
}

bool Started(LocalRecord& record, int64_t now) {
  if (record.status == Status::kRemoving) return false;
  record.status = Status::kRunning;
  record.outcome_known = false;
  record.oom_killed = false;
  record.exit_code = 0;
  record.error.clear();
  record.started_at = now;
  record.finished_at = 0;
  return true;
}

bool StartFailed(LocalRecord& record, const std::string& error, int32_t exit_code, int64_t now) {
  if (record.status == Status::kRemoving) return false;
  record.error = error;
  record.exit_code = exit_code;
  if (record.status == Status::kCreated) return true;
  record.finished_at = now;
  ++record.quick_ends;
  ++record.ends;
  return true;
}

bool Stop(LocalRecord& record) {
  if (record.status == Status::kRemoving || record.stopped) return false;
  record.stopped = true;
  return true;
}

bool NoteOutcome(LocalRecord& record, const Outcome& outcome) {
  if (record.status != Status::kRunning || record.outcome_known) return false;
  record.outcome_known = true;
  record.finished_at = outcome.finished_at;
  record.exit_code = outcome.exit_code;
  record.oom_killed = outcome.oom_killed;
  record.error = outcome.error;
  return true;
}

bool Settle(LocalRecord& record) {
  if (record.status != Status::kRunning || !record.outcome_known) return false;
  record.status = Status::kExited;
  bool quick = record.finished_at - record.started_at < kQuickNanoseconds;
  record.quick_ends = quick ? record.quick_ends + 1 : 0;
  ++record.ends;
  return true;
}

bool BeginRemove(LocalRecord& record) {
  if (record.status == Status::kRunning || record.status == Status::kRemoving) return false;
  record.status = Status::kRemoving;
  return true;
}

std::optional<milliseconds> PauseBeforeRestart(const api::RestartPolicy& policy, const LocalRecord& record) {
  if (record.status != Status::kExited || record.stopped || !Wants(policy, record)) return std::nullopt;
  return PauseAfter(record.quick_ends);
}

std::optional<milliseconds> PauseAfterBoot(const api::RestartPolicy& policy, const LocalRecord& record) {
  if (policy.when() != api::RestartPolicy::ALWAYS || !record.stopped)
    return PauseBeforeRestart(policy, record);
  if (record.status != Status::kExited) return std::nullopt;
  return milliseconds(0);
}

}  // namespace davit::local
