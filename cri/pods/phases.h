// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The state machine of sandboxes and containers: every transition is a pure function on a record.
//
// No other code assigns a phase. A transition that the current phase does not allow changes nothing and
// returns false. So two threads that report the same end, or an end and a removal, cannot undo each other's
// work. Call the transitions inside Persisted::TryChange.
//
//   container  Created → Starting → Running → Exited → Removing
//   sandbox    Creating → Ready → NotReady → Stopped
#pragma once

#include <cstdint>
#include <string>

#include "cri/pods/pod_records.h"
#include "shim/protocol.h"

namespace davit::cri::phases {

// Exit code and reason of a failed start in a container's status. The kubelet's tests accept only this code.
inline constexpr int32_t kStartErrorCode = 128;
inline constexpr char kStartErrorReason[] = "StartError";
// The CRI cannot express an unknown exit code; 0 would make a lost Job succeed.
inline constexpr int32_t kLostExitCode = 255;
inline constexpr char kLostReason[] = "Unknown";

// Predicates on containers.
bool IsPlanned(const ContainerRecord& record);   // created, never started
bool IsStarting(const ContainerRecord& record);  // a start is in progress
bool IsRunning(const ContainerRecord& record);
bool MayHaveProcess(const ContainerRecord& record);  // starting or running
bool HasEnded(const ContainerRecord& record);        // exited or being removed
bool IsRemoving(const ContainerRecord& record);
bool FailedToStart(const ContainerRecord& record);

// Transitions of containers. Times are nanoseconds since 1970.
bool BeginStart(ContainerRecord& record);
// The start succeeded. If the exit was reported before, the phase stays Exited and only pid, user and start
// time are set.
bool Started(ContainerRecord& record, const shim::LiveContainer& live);
bool StartFailed(ContainerRecord& record, const std::string& message, int64_t now);
bool Exited(ContainerRecord& record, const shim::ContainerExited& exited);
// The shim has died and the end of the container is unknown; the process may still run. The state is reported
// as unknown until Lost.
bool BeginLosing(ContainerRecord& record);
// The process has ended, and its exit code is unknown.
bool Lost(ContainerRecord& record, const std::string& message, int64_t now);
// Recovery: the shim runs a container whose start the previous daemon did not record.
bool AdoptStart(ContainerRecord& record);
// Recovery: the start was not completed; a retry may start the container.
bool AbandonStart(ContainerRecord& record);
bool BeginRemove(ContainerRecord& record);

// Predicates on sandboxes.
bool IsCreating(const SandboxRecord& record);
bool IsReady(const SandboxRecord& record);
bool IsStopped(const SandboxRecord& record);  // has only its record and its files

// Transitions of sandboxes.
bool BecomeReady(SandboxRecord& record);
// A client asked for the stop: from now on no container can be added. Allowed in Ready only.
bool BeginStop(SandboxRecord& record);
// The sandbox cannot be used any more, or never could, because of `reason`.
bool Fail(SandboxRecord& record, const std::string& reason);
// The sandbox has no kernel objects any more. Also removes the network from the record.
bool Stopped(SandboxRecord& record);

}  // namespace davit::cri::phases
