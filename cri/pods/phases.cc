// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/phases.h"

namespace davit::cri::phases {
namespace {

using enum ContainerPhase;
using enum SandboxPhase;

void End(ContainerRecord& record, int32_t exit_code, const std::string& reason, int64_t now) {
  record.phase = kExited;
  record.exit_code = exit_code;
  record.reason = reason;
  record.finished_at = now;
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

bool IsPlanned(const ContainerRecord& record) {
  return record.phase == kCreated;
}

bool IsStarting(const ContainerRecord& record) {
  return record.phase == kStarting;
}

bool IsRunning(const ContainerRecord& record) {
  return record.phase == kRunning;
}

bool MayHaveProcess(const ContainerRecord& record) {
  return IsStarting(record) || IsRunning(record);
}

bool HasEnded(const ContainerRecord& record) {
  return record.phase == kExited || IsRemoving(record);
}

bool IsRemoving(const ContainerRecord& record) {
  return record.phase == kRemoving;
}

bool FailedToStart(const ContainerRecord& record) {
  return record.reason == kStartErrorReason;
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
  if (!IsStarting(record)) return false;
  End(record, kStartErrorCode, kStartErrorReason, now);
  record.message = message;
  record.started_at = now;  // the kubelet calls a finish without a start an error
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

bool IsCreating(const SandboxRecord& record) {
  return record.phase == kCreating;
}

bool IsReady(const SandboxRecord& record) {
  return record.phase == kReady;
}

bool IsStopped(const SandboxRecord& record) {
  return record.phase == SandboxPhase::kStopped;
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

bool Stopped(SandboxRecord& record) {
  if (IsStopped(record)) return false;
  record.phase = SandboxPhase::kStopped;
  record.addresses.clear();
  record.plugins.reset();
  return true;
}

}  // namespace davit::cri::phases
