// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One container of the pod, from its start to its exit record.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "shim/cgroup_sweep.h"
#include "shim/environment.h"
#include "shim/init/pod_namespaces.h"
#include "shim/launch.h"
#include "shim/log_pump.h"
#include "shim/protocol.h"
#include "shim/role_fds.h"

namespace davit {

// The namespaces that a container is born into.
struct PodContext {
  const PodNamespaces* namespaces = nullptr;
  const PidFd* reaper = nullptr;  // PID 1 of a shared PID namespace, or null
};

class Container {
 public:
  // Called once each, `on_exited` only after a successful start. The container may be destroyed inside both.
  struct Callbacks {
    std::function<void(Result<>)> on_started;
    std::function<void(const ContainerExited&)> on_exited;
  };

  Container(Environment& env, std::string id, Callbacks callbacks);
  ~Container();

  // Begins the start; an error means that nothing was begun, and neither callback is called.
  Result<> Start(const PodContext& pod, const struct StartContainer& request, RoleFds fds);

  bool has_log() const { return log_ != nullptr; }
  bool running() const { return running_; }
  const LiveContainer& live() const { return live_; }
  // As whom it runs, if that is how it was started, else null. An exec is the same, whatever the container
  // has made of its accounts since.
  const Identity* IdentityOf(const UserSpec& user) const { return user == user_ ? &identity_ : nullptr; }
  const PidFd& pidfd() const { return pidfd_; }
  // Of its pod's user namespace; empty without one.
  const IdMap& ids() const { return ids_; }
  bool has_own_pid_namespace() const { return own_pid_namespace_; }
  const CgroupFds& cgroup() const { return cgroup_; }

  // `done` is called when nothing more is written to the file before.
  void ReopenLog(UniqueFd log, std::function<void()> done);
  // Shows what the container writes to a client (attached_clients.h).
  Result<> Attach(AttachedClient client);
  // For writing to: the controller of its terminal, the pipe to its input; -1: it has no such thing.
  int terminal() const { return has_terminal_ ? log_->output() : -1; }
  int input() const { return stdin_pipe_.get(); }
  // CRI's stdin_once: the input belongs to the first client that asks for it, and ends when that goes,
  // however it goes. So the descriptor is handed over and not kept.
  bool input_is_for_one() const { return stdin_once_; }
  UniqueFd TakeInput() { return std::move(stdin_pipe_); }
  // Its process reads the end of the input, once every client has closed its own end as well.
  void CloseInput() { stdin_pipe_.Reset(); }
  // SIGKILL to the first process; the rest follows when that has ended. A start under way fails.
  void Kill();

 private:
  struct Building;

  void Watch(UniqueFd out, UniqueFd err);
  Result<> Begin(std::unique_ptr<Building> building, uint32_t timeout_ms, UniqueFd log);
  Result<ClonedProcess> CloneInit(Building& building);
  // Returns the helper: OnBorn has the first process.
  Result<ClonedProcess> CloneInitByHelper(Building& building);
  Result<> OnBorn(ClonedProcess init);
  void Take(ClonedProcess init);
  // A helper of 0: the first process is there.
  void Follow(UniqueFd sync, uint32_t timeout_ms, pid_t helper, Placement placement);
  void OnStarted(Result<Identity> identity);
  Error WhyNotStarted(Error error) const;
  void OnInitExit(ExitStatus status);
  void FinishExit();
  void LeaveLog();
  void ReportExit();
  bool WasOomKilled() const;

  Environment& env_;
  Callbacks callbacks_;
  LiveContainer live_;
  UserSpec user_;
  Identity identity_;  // what that was in its accounts when it started
  PidFd pidfd_;
  // During the start:
  std::unique_ptr<Building> building_;  // until the builder is there
  PidFd builder_;
  std::optional<Progress> progress_;
  bool running_ = false;
  bool own_pid_namespace_ = true;
  bool has_terminal_ = false;
  bool stdin_once_ = false;
  IdMap ids_;
  CgroupFds cgroup_;
  UniqueFd stdin_pipe_;  // the writing end, held open for clients to come
  std::unique_ptr<LogPump> log_;
  std::unique_ptr<Launch> launch_;
  std::unique_ptr<CgroupSweep> sweep_;
  Timers::Id log_patience_ = 0;
  ContainerExited exit_;
};

}  // namespace davit
