// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the daemon asks of the shim of one pod, and what the shim reports. Frames and the order of descriptors
// stay below this interface (shim/protocol.h); tests fake it (cri/testing/fake_shims.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/unique_fd.h"
#include "cri/shims/start_frame.h"
#include "shim/plan.h"
#include "shim/protocol.h"

namespace davit {

// Of a pod. Empty where it uses the host's.
struct PodNamespaces {
  UniqueFd network;
  UniqueFd user;
};

struct StartedContainer {
  LiveContainer live;
  PidFd init;
};

// All that a shim holds, as it says when it is met.
struct ShimState {
  bool sandbox_started = false;
  PodNamespaces namespaces;
  std::vector<StartedContainer> containers;  // whose init lives
  // Exits that the shim could not record (HelloReply); reported as `container_exited` before `met`.
  std::vector<ContainerExited> unrecorded_exits;
  // Why the sandbox failed, or empty; reported as `sandbox_failed` after `met`.
  std::string sandbox_failed;
};

struct ContainerLaunch {
  std::string container_id;
  uint32_t timeout_ms = 0;  // a start that has not reached execve by then is killed and fails
  StartFrame frame;         // the plan and what it needs
};

struct ExecLaunch {
  std::string container_id;
  std::string exec_id;
  std::string plan;  // ProcessPlan, encoded; empty when it comes as FdRole::kPlan
  StartFrame frame;
};

// Of an attached client: what the container reads from.
struct AttachedInput {
  UniqueFd terminal;  // the controller, when the container has one
  UniqueFd input;     // else the writing end of its stdin, when that is open
};

// What a shim reports by itself. Called on the reactor's thread: an implementation never waits.
struct ShimEvents {
  std::function<void(const ContainerExited&)> container_exited;
  std::function<void(const ExecExited&)> exec_exited;
  // The shim answered for the first time on a new connection. Comes after every connection that was made to a
  // running shim, however late the answer is.
  std::function<void(ShimState)> met;
  // The sandbox cannot run containers any more.
  std::function<void(const std::string& reason)> sandbox_failed;
  std::function<void()> died;  // the process is gone and reaped; the last call
};

// Thread-safe. Deadlines are MonotonicMilliseconds. A dead shim is kUnavailable, a silent one
// kDeadlineExceeded; an error that the shim answers comes back as it is.
class Shim {
 public:
  virtual ~Shim() = default;

  virtual Result<PodNamespaces> StartSandbox(const SandboxPlan& plan, int64_t deadline_ms) = 0;
  virtual Result<StartedContainer> StartContainer(ContainerLaunch launch, int64_t deadline_ms) = 0;
  // SIGKILL to everything in the container. Returns at once; the exit is an event.
  virtual void KillContainer(const std::string& container_id) = 0;
  virtual Result<> ReopenLog(const std::string& container_id, int log, int64_t deadline_ms) = 0;

  // An exec whose outcome comes on a socket of its own (FdRole::kOutcome).
  virtual Result<> HandExec(const ExecLaunch& launch, int64_t deadline_ms) = 0;
  // The following answer through callbacks, on the reactor's thread: nobody waits for a shim that hangs.
  // An exec with streams. The result is the terminal's controller, empty when the plan has none.
  virtual void StartExec(ExecLaunch launch, std::function<void(Result<UniqueFd>)> done) = 0;
  // `frame` has the pipes that the client reads from; `input`: it wants to write.
  virtual void Attach(const std::string& container_id, bool input, StartFrame frame,
                      std::function<void(Result<AttachedInput>)> done) = 0;
  virtual void AskNamespaces(std::function<void(Result<PodNamespaces>)> done) = 0;
  // The container reads the end of its input.
  virtual void CloseInput(const std::string& container_id) = 0;

  // The sandbox ends: kills what is left, releases the namespaces, and ends the shim. Returns when the
  // process is gone.
  virtual Result<> Shutdown(int64_t deadline_ms) = 0;
  // SIGKILL to the shim. `died` follows.
  virtual void Kill() = 0;
  // False once its process is gone, or the connection is lost for good.
  virtual bool alive() const = 0;
  // Ends the connection; the shim and its pod go on. No event comes after it returned. Not from an event.
  virtual void Close() = 0;
};

}  // namespace davit
