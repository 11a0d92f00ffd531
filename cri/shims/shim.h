// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The requests of the daemon to the shim of one pod, and the events that the shim reports. The interface
// hides frames and the order of descriptors (shim/protocol.h); tests have a fake (cri/testing/fake_shims.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/unique_fd.h"
#include "cri/shims/start_frame.h"
#include "shim/plan.h"
#include "shim/protocol.h"

namespace davit::cri {

// The namespaces of a pod. A descriptor is empty if the pod uses the host's namespace.
struct PodNamespaces {
  UniqueFd network;
  UniqueFd user;
};

// For an attached client: where to write the input of the container.
struct AttachedInput {
  UniqueFd terminal;  // the controller of the terminal, if the container has one
  UniqueFd input;     // else the write end of its stdin, if that is open
};

struct StartedContainer {
  shim::LiveContainer live;
  PidFd init;
  AttachedInput input = {};  // with an attachment
};

// The state of a shim, as it reports it on a new connection.
struct ShimState {
  PodNamespaces namespaces;
  std::vector<StartedContainer> containers;  // those whose init process is alive
};

struct ContainerLaunch {
  std::string container_id;
  uint32_t timeout_ms = 0;  // a start that has not reached execve by then is killed and fails
  std::string plan;         // ContainerPlan, encoded
  StartFrame frame;         // the descriptors that the plan needs
  // A client that is attached from the start; its descriptors are in `frame`. kUnimplemented if the shim does
  // not know it.
  std::optional<shim::Attachment> attachment = {};
};

struct ExecLaunch {
  std::string container_id;
  std::string exec_id;
  std::string plan;  // ProcessPlan, encoded
  StartFrame frame;
  // With kOutcome: its peer is a client (shim/session.h). A shim that does not know sessions runs a command
  // without a terminal without kExecStarted and without signals; with a terminal it is kUnimplemented.
  struct Session {
    std::optional<shim::WindowSize> terminal;
  };
  std::optional<Session> session = {};
};

// What an attached client wants, as in shim::AttachRequest. A shim that does not know `patient` ignores it.
struct AttachWish {
  bool input = false;
  bool patient = false;
};

// Events that a shim reports. Called on the reactor's thread, so a callback must not block.
struct ShimEvents {
  std::function<void(const shim::ContainerExited&)> container_exited;
  std::function<void(const shim::ExecExited&)> exec_exited;
  using OnState = std::function<void(ShimState)>;
  // Called on every new connection to a shim that already serves a sandbox, before its state is requested.
  // The returned function is called with the state, however late the shim answers. A shim with many
  // containers answers in parts: a container that starts after this call may be missing from the state.
  std::function<OnState()> begin_meeting;
  // The shim answers, but this daemon does not understand it; only its exit records can be used.
  // kUnimplemented: its version is incompatible, and it accepts only KillContainer and Shutdown. After any
  // other error the daemon tries again.
  std::function<void(const Error&)> not_understood = [](const Error&) {};
  // The sandbox cannot run containers any more.
  std::function<void(const std::string& reason)> sandbox_failed;
  std::function<void()> died;  // the process has ended and is reaped; no event follows
};

// Thread-safe. Deadlines are MonotonicMilliseconds. A dead shim or a lost connection is kUnavailable, a shim
// that does not answer is kDeadlineExceeded; an error from the shim is returned unchanged.
class Shim {
 public:
  virtual ~Shim() = default;

  virtual Result<PodNamespaces> StartSandbox(const shim::SandboxPlan& plan, int64_t deadline_ms) = 0;
  virtual Result<StartedContainer> StartContainer(ContainerLaunch launch, int64_t deadline_ms) = 0;
  // Sends SIGKILL to all processes of the container. Does not block; container_exited follows.
  virtual void KillContainer(const std::string& container_id) = 0;
  virtual Result<> ReopenLog(const std::string& container_id, int log, int64_t deadline_ms) = 0;

  // Starts an exec whose outcome arrives on its own socket (FdRole::kOutcome). Blocks for a second at most:
  // kUnavailable if the shim cannot be reached in that time, or at once if some commands already wait for it.
  virtual Result<> HandExec(const ExecLaunch& launch, int64_t deadline_ms) = 0;
  // The following methods return their results through callbacks, so that the caller does not wait for a shim
  // that hangs. `done` is called on the reactor's thread or, if the request cannot be sent, on the calling
  // thread.

  // Starts an exec with streams. The result is the controller of its terminal, empty if the plan has none.
  virtual void StartExec(ExecLaunch launch, std::function<void(Result<UniqueFd>)> done) = 0;
  // `frame` contains the pipes that the client reads from.
  virtual void Attach(const std::string& container_id, AttachWish wish, StartFrame frame,
                      std::function<void(Result<AttachedInput>)> done) = 0;
  virtual void AskNamespaces(std::function<void(Result<PodNamespaces>)> done) = 0;
  // Closes the input of the container, which then reads end of file.
  virtual void CloseInput(const std::string& container_id) = 0;

  // Ends the sandbox: kills the remaining containers, releases the namespaces, and ends the shim. Blocks
  // until the process has ended.
  virtual Result<> Shutdown(int64_t deadline_ms) = 0;
  // Sends SIGKILL to the shim. `died` follows.
  virtual void Kill() = 0;
  // False after the process has ended or after Close.
  virtual bool alive() const = 0;
  // Ends the connection; the shim and its pod keep running. No event follows after it has returned. Must not
  // be called from an event.
  virtual void Close() = 0;
};

}  // namespace davit::cri
