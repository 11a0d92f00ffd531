// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/phases.h"

#include <utility>

namespace davit::cri::phases {
namespace {

using enum ContainerPhase;
using enum SandboxPhase;

void End(ContainerRecord& record, int32_t exit_code, const std::string& reason, int64_t now) {
  record.phase = kExited;
  record.exit_code = exit_code;
  record.reason = reason;
  record.finished_at = now;
  // The kubelet calls a finish without a start an error. Started() sets the true time, also after the end.
  if (record.started_at == 0) record.started_at = now;
}

// The shim died before the start was recorded: the launch that is in progress knows why there is no
// container.
bool LostBeforeItStarted(const ContainerRecord& record) {
  return record.phase == kExited && record.lost && record.pid == 0;
}

bool Move(ContainerRecord& record, ContainerPhase from, ContainerPhase to) {
  if (record.phase != from) return false;
  record.phase = to;
  return true;
}

bool Move(SandboxRecord& record, SandboxPhase from, SandboxPhase to) {
  if (record.phase != from) return false;
  record.phase = to;
  return true;
}

}  // namespace

bool FailedToStart(const ContainerRecord& record) {
  return record.reason == kStartErrorReason;
}

ContainerRecord NewContainer(std::string id, std::string sandbox_id, int64_t now) {
  ContainerRecord record;
  record.id = std::move(id);
  record.sandbox_id = std::move(sandbox_id);
  record.phase = kCreated;
  record.created_at = now;
  return record;
}

bool BeginStart(ContainerRecord& record) {
  return Move(record, kCreated, kStarting);
}

bool Started(ContainerRecord& record, const shim::LiveContainer& live) {
  if (IsPlanned(record) || IsRemoving(record)) return false;
  record.started_at = live.started_at;
  record.pid = live.pid;
  record.uid = live.uid;
  record.gid = live.gid;
  record.groups = live.groups;
  Move(record, kStarting, kRunning);
  return true;
}

bool StartFailed(ContainerRecord& record, const std::string& message, int64_t now) {
  if (!IsStarting(record) && !LostBeforeItStarted(record)) return false;
  End(record, kStartErrorCode, kStartErrorReason, now);
  record.message = message;
  record.lost = false;
  return true;
}

bool Exited(ContainerRecord& record, const shim::ContainerExited& exited) {
  if (!MayHaveProcess(record)) return false;
  const char* reason = exited.oom_killed ? "OOMKilled" : exited.exit_code == 0 ? "Completed" : "Error";
  End(record, exited.exit_code, reason, exited.finished_at);
  record.oom_killed = exited.oom_killed;
  record.lost = false;
  return true;
}

bool BeginLosing(ContainerRecord& record) {
  if (!MayHaveProcess(record) || record.lost) return false;
  record.lost = true;
  return true;
}

bool Lost(ContainerRecord& record, const std::string& message, int64_t now) {
  if (!MayHaveProcess(record)) return false;
  End(record, kLostExitCode, kLostReason, now);
  record.message = message;
  record.lost = true;
  return true;
}

bool AdoptStart(ContainerRecord& record) {
  return BeginStart(record);
}

bool AbandonStart(ContainerRecord& record) {
  return Move(record, kStarting, kCreated);
}

bool BeginRemove(ContainerRecord& record) {
  return Move(record, kCreated, kRemoving) || Move(record, kExited, kRemoving);
}

SandboxRecord NewSandbox(std::string id, int64_t now) {
  SandboxRecord record;
  record.id = std::move(id);
  record.phase = kCreating;
  record.created_at = now;
  return record;
}

bool BecomeReady(SandboxRecord& record) {
  return Move(record, kCreating, kReady);
}

bool BeginStop(SandboxRecord& record) {
  return Move(record, kReady, kNotReady);
}

bool Fail(SandboxRecord& record, const std::string& reason) {
  if (!Move(record, kCreating, kNotReady) && !Move(record, kReady, kNotReady)) return false;
  record.reason = reason;
  return true;
}

bool NotUndone(SandboxRecord& record, const std::string& reason) {
  if (!IsStopped(record)) record.phase = kNotReady;
  record.reason = reason;
  return true;
}

bool Stopped(SandboxRecord& record) {
  if (IsStopped(record)) return false;
  record.phase = SandboxPhase::kStopped;
  record.addresses.clear();
  record.plugins.reset();
  return true;
}

}  // namespace davit::cri::phases
