// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The pod: its sandbox, containers and execs, and the requests that the daemon may make of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/frame.h"
#include "shim/container.h"
#include "shim/environment.h"
#include "shim/exec.h"
#include "shim/exit_record.h"
#include "shim/protocol.h"
#include "shim/sandbox.h"

namespace davit::shim {

struct Answer {
  ShimMessage type = ShimMessage::kDone;
  std::string payload;
  std::vector<RoleFd> fds;   // borrowed from the pod: send them at once
  UniqueFd given_away = {};  // owns a descriptor in `fds` that the pod gives away; closed after sending
};

// Independent of connections: takes a request and calls back with the answer.
class Pod {
 public:
  using Respond = std::function<void(Result<Answer>)>;
  // Sends an event. Returns false if no daemon is connected or the event cannot be sent.
  using Announce = std::function<bool(ShimMessage event, std::string payload)>;

  Pod(Environment& env, std::string sandbox_id, Announce announce);

  // Creates in advance what most sandboxes need. A failure is ignored here: the start tries again and reports
  // it.
  void Prepare() { (void)sandbox_.Prepare(); }
  bool started() const { return sandbox_.started(); }

  // Carries out a request. `respond` is called once, at once or later, unless the request has a socket for
  // its outcome (kOutcome).
  void Handle(Frame request, Respond respond);

  // Whether a kShutdown has been answered: the shim can exit.
  bool ended() const { return ended_; }

 private:
  Result<Answer> Hello(const Frame& request);
  std::vector<RoleFd> NamespaceFds() const;
  Result<Answer> StartSandbox(const Frame& request);
  Result<Answer> Kill(const Frame& request);
  Result<Answer> Attach(Frame& request);
  Result<Answer> CloseInput(const Frame& request);
  Result<> BeginReopen(Frame& request, const Respond& respond);
  Result<> BeginContainer(Frame& request, const Respond& respond);
  Result<> BeginExec(Frame& request, const Respond& respond);
  Result<> StartExec(const ExecRequest& wanted, RoleFds fds, Exec::Told told, Exec::Callbacks tell);
  // An exec with a socket for its outcome, which gets every error.
  void BeginWaitedExec(const ExecRequest& wanted, RoleFds fds);
  void BeginSession(const ExecRequest& wanted, RoleFds fds);
  Exec* FindExec(const std::string& id);
  void OnSessionMessage(const std::string& exec_id, const Frame& message);
  void OnSessionEnd(const std::string& exec_id);
  // The descriptors that a client of the container's input gets: the terminal, or the input if it wants that.
  static void AddInput(Container& container, bool wants_input, Answer& answer);
  bool IsFullOfStarts();
  void BeginShutdown(Respond respond);

  void OnContainerStarted(const std::string& id, Result<> result, const std::optional<Attachment>& attachment,
                          const Respond& respond);
  void OnContainerExited(const ContainerExited& exit);
  void OnSandboxFailed();
  void OnExecStarted(const std::string& id, Result<> result, const Respond& respond);
  void OnExecExited(const ExecExited& exit);
  void TellExecExits();

  Result<> RefuseDuringShutdown(std::string_view step, const std::string& id) const;
  Result<Container*> FindRunning(const std::string& id);
  // Continues a shutdown when no container and no exec is left.
  void ContinueShutdown();
  void LeaveLogs();
  void EndShutdown();

  Environment& env_;
  std::string sandbox_id_;
  Announce announce_;
  Sandbox sandbox_;
  ExitRecords exit_records_;
  std::map<std::string, std::unique_ptr<Container>> containers_;
  std::map<std::string, std::unique_ptr<Exec>> execs_;
  // No daemon was connected when these ended. The next Hello has them sent; without a daemon no exec starts,
  // so they are few.
  std::vector<ExecExited> untold_exec_exits_;
  std::vector<Respond> awaiting_shutdown_;
  bool stopping_sandbox_ = false;
  Timers::Id log_patience_ = 0;
  bool leaves_logs_ = false;
  bool ended_ = false;
};

}  // namespace davit::shim
