// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One container of the pod, from its start to its exit record.
#pragma once

#include <cstdint>
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

namespace davit::shim {

// The pod's namespaces that a container starts in.
struct PodContext {
  const PodNamespaces* namespaces = nullptr;
  const PidFd* reaper = nullptr;  // PID 1 of a shared PID namespace, or null
};

class Container {
 public:
  // Called once each, `on_exited` only after a successful start. Both may destroy the container.
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
  // The identity that it runs with, if it was started as `user`, else null. An exec as the same user gets the
  // same identity, even if the container has changed its accounts since.
  const Identity* IdentityOf(const UserSpec& user) const { return user == user_ ? &identity_ : nullptr; }
  const PidFd& pidfd() const { return pidfd_; }
  // The ids of its pod's user namespace; empty without one.
  const IdMap& ids() const { return ids_; }
  bool has_own_pid_namespace() const { return own_pid_namespace_; }
  const CgroupFds& cgroup() const { return cgroup_; }

  // Calls `done` when nothing more is written to the old file.
  void ReopenLog(UniqueFd log, std::function<void()> done);
  // Sends the container's output to a client as well (attached_clients.h).
  Result<> Attach(AttachedClient client);
  // Descriptors to write input to: the controller of its terminal, and the pipe to its stdin. -1 if there is
  // none.
  int terminal() const { return has_terminal_ ? log_->output() : -1; }
  int input() const { return stdin_pipe_.get(); }
  // CRI's stdin_once: the input belongs to the first client that asks for it, and ends when that client's
  // session ends for any reason. So the descriptor is handed over and not kept.
  bool input_is_for_one() const { return stdin_once_; }
  UniqueFd TakeInput() { return std::move(stdin_pipe_); }
  // Closes the shim's end of the input. The process reads the end of its input when every client has closed
  // its end as well.
  void CloseInput() { stdin_pipe_.Reset(); }
  // Sends SIGKILL to the first process; the others are killed when that has ended. A start that is under way
  // fails.
  void Kill();

 private:
  struct Building;

  void Watch(UniqueFd out, UniqueFd err);
  void AttachEarly(AttachedClient client);
  Result<> Begin(std::unique_ptr<Building> building, uint32_t timeout_ms, UniqueFd log,
                 AttachedClient client);
  Result<ClonedProcess> CloneInit(Building& building);
  // Returns the helper; OnBorn receives the first process.
  Result<ClonedProcess> CloneInitByHelper(Building& building);
  Result<> OnBorn(ClonedProcess init);
  void Take(ClonedProcess init);
  // `helper` is 0 if the first process exists already.
  void Follow(UniqueFd sync, uint32_t timeout_ms, pid_t helper, Placement placement);
  void OnStarted(Result<Identity> identity);
  Error WhyNotStarted(Error error) const;
  void OnInitExit(ExitStatus status);
  void FinishExit();
  void LeaveLog();
  void ReportExit();
  // `exit_code` is that of its first process, 0 if it has not started.
  bool WasOomKilled(int exit_code) const;

  Environment& env_;
  Callbacks callbacks_;
  LiveContainer live_;
  UserSpec user_;
  Identity identity_;  // what user_ was resolved to at the start
  PidFd pidfd_;
  // During the start:
  std::unique_ptr<Building> building_;  // until the builder is cloned
  PidFd builder_;
  std::optional<Progress> progress_;
  bool running_ = false;
  bool killed_ = false;  // by Kill
  bool own_pid_namespace_ = true;
  bool has_terminal_ = false;
  bool stdin_once_ = false;
  IdMap ids_;
  CgroupFds cgroup_;
  uint64_t parent_oom_kills_ = 0;  // cgroup_.parent_oom at the start
  UniqueFd stdin_pipe_;            // the writing end, held open for later clients
  std::unique_ptr<LogPump> log_;
  std::unique_ptr<Launch> launch_;
  std::unique_ptr<CgroupSweep> sweep_;
  Timers::Id log_patience_ = 0;
  ContainerExited exit_;
};

}  // namespace davit::shim
