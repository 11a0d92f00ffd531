// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The state machine of sandboxes and containers: every transition is a pure function on a record.
//
// No other code assigns a phase. A transition that the current phase does not allow changes nothing and
// returns false. So two threads that report the same end, or an end and a removal, cannot undo each other's
// work. Call the transitions inside Persisted::TryChange.
//
//   container  Created → Starting → Running → Exited → Removing
//              Starting → Exited (the start failed), Starting → Created (it was abandoned), Created →
//              Removing
//   sandbox    Creating → Ready → NotReady → Stopped
//              Creating → NotReady (it cannot be undone), and every phase → Stopped
#pragma once

#include <cstdint>
#include <string>

#include "cri/pods/in_phase.h"
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
using InContainerPhase = InPhase<ContainerRecord>;
inline constexpr InContainerPhase IsPlanned{ContainerPhase::kCreated};    // never started
inline constexpr InContainerPhase IsStarting{ContainerPhase::kStarting};  // a start is in progress
inline constexpr InContainerPhase IsRunning{ContainerPhase::kRunning};
inline constexpr InContainerPhase MayHaveProcess{ContainerPhase::kStarting, ContainerPhase::kRunning};
inline constexpr InContainerPhase HasEnded{ContainerPhase::kExited, ContainerPhase::kRemoving};
inline constexpr InContainerPhase IsRemoving{ContainerPhase::kRemoving};
bool FailedToStart(const ContainerRecord& record);

// Transitions of containers. Times are nanoseconds since 1970.
ContainerRecord NewContainer(std::string id, std::string sandbox_id, int64_t now);
bool BeginStart(ContainerRecord& record);
// The start succeeded. If the exit was reported before, the phase stays Exited and only pid, user and start
// time are set.
bool Started(ContainerRecord& record, const shim::LiveContainer& live);
// Also replaces what Lost recorded if the shim died before the start was recorded: the start's error says
// more.
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
using InSandboxPhase = InPhase<SandboxRecord>;
inline constexpr InSandboxPhase IsCreating{SandboxPhase::kCreating};
inline constexpr InSandboxPhase IsReady{SandboxPhase::kReady};
inline constexpr InSandboxPhase IsStopped{SandboxPhase::kStopped};  // has only its record and its files

// Transitions of sandboxes.
SandboxRecord NewSandbox(std::string id, int64_t now);
bool BecomeReady(SandboxRecord& record);
// A client asked for the stop: from now on no container can be added. Allowed in Ready only.
bool BeginStop(SandboxRecord& record);
// The sandbox cannot be used any more, or never could, because of `reason`.
bool Fail(SandboxRecord& record, const std::string& reason);
// The creation failed because of `reason`, and what it made cannot all be removed. Allowed in every phase, so
// that `reason` replaces what was reported meanwhile; a stopped sandbox stays stopped.
bool NotUndone(SandboxRecord& record, const std::string& reason);
// The sandbox has no kernel objects any more. Also removes the network from the record.
bool Stopped(SandboxRecord& record);

}  // namespace davit::cri::phases
