// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The state machine of sandboxes and containers: every transition, as a pure function on a record.
//
// Nobody else assigns a phase. A transition that the record's phase does not allow changes nothing and
// returns false, so that two threads which report the same end, or an end and a removal, cannot undo each
// other's work. Call them inside Persisted::TryChange.
//
//   container  Created → Starting → Running → Exited → Removing
//   sandbox    Creating → Ready → NotReady → Stopped
#pragma once

#include <cstdint>
#include <string>

#include "cri/pods/pod_records.h"
#include "shim/protocol.h"

namespace davit::phases {

// How a start that failed shows in a container's status. The kubelet's own tests accept this code only.
inline constexpr int32_t kStartErrorCode = 128;
inline constexpr char kStartErrorReason[] = "StartError";
// CRI has no way to say that an exit code is unknown; 0 would let a lost Job succeed.
inline constexpr int32_t kLostExitCode = 255;
inline constexpr char kLostReason[] = "Unknown";

// Predicates on containers.
bool IsPlanned(const ContainerRecord& record);   // created, never started
bool IsStarting(const ContainerRecord& record);  // a start is in flight
bool IsRunning(const ContainerRecord& record);
bool MayHaveProcess(const ContainerRecord& record);  // starting or running
bool HasEnded(const ContainerRecord& record);        // exited or being removed
bool IsRemoving(const ContainerRecord& record);
bool FailedToStart(const ContainerRecord& record);

// Transitions of containers. Times are nanoseconds since 1970.
bool BeginStart(ContainerRecord& record);
// The start succeeded. An exit that was reported before keeps its phase and gets the start's figures.
bool Started(ContainerRecord& record, const LiveContainer& live);
bool StartFailed(ContainerRecord& record, const std::string& message, int64_t now);
bool Exited(ContainerRecord& record, const ContainerExited& exited);
// The shim is gone and its end of the container unknown; the process may still be running. Shown as unknown
// until Lost.
bool BeginLosing(ContainerRecord& record);
// The process is gone, and nobody knows how it ended.
bool Lost(ContainerRecord& record, const std::string& message, int64_t now);
// Recovery: the shim runs a container whose start the daemon did not live to record.
bool AdoptStart(ContainerRecord& record);
// Recovery: the start never reached its end, so that a retry may start it.
bool AbandonStart(ContainerRecord& record);
bool BeginRemove(ContainerRecord& record);

// Predicates on sandboxes.
bool IsCreating(const SandboxRecord& record);
bool IsReady(const SandboxRecord& record);
bool IsStopped(const SandboxRecord& record);  // holds nothing but its record and its files

// Transitions of sandboxes.
bool BecomeReady(SandboxRecord& record);
// Somebody asked for it: from here on no container joins.
bool BeginStop(SandboxRecord& record);
// It cannot serve any more, or never could, for `reason`.
bool Fail(SandboxRecord& record, const std::string& reason);
// Nothing of it is left in the kernel: its network is out of the record, too.
bool Stopped(SandboxRecord& record);

}  // namespace davit::phases
