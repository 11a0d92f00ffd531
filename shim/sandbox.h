// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a pod's containers share.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "shim/clone.h"
#include "shim/environment.h"
#include "shim/init/pod_namespaces.h"
#include "shim/plan.h"

namespace davit {

// Holds the pod's namespaces and, with a shared PID namespace, its first process.
class Sandbox {
 public:
  // `on_failed` is called once if the sandbox loses what containers need to start.
  Sandbox(Environment& env, std::function<void()> on_failed) : env_(env), on_failed_(std::move(on_failed)) {}

  // Makes the namespaces that most pods want before it is known which ones this pod does, because they are
  // what takes long. Start makes what is missing after a failure.
  Result<> Prepare();

  // Makes everything. The waits for short children, here and in Prepare, are all that the loop ever waits
  // for: they are in the shim's own cgroup and touch nothing that can hang, and no container exists yet.
  // After a failure it may be tried again.
  Result<> Start(const SandboxPlan& plan);

  bool started() const { return started_; }
  // Why no container can start any more; empty while they can.
  const std::string& failure() const { return failure_; }
  const PodNamespaces& namespaces() const { return namespaces_; }
  // Null without a shared PID namespace.
  const PidFd* reaper() const { return reaper_.pidfd.valid() ? &reaper_.pidfd : nullptr; }

  // Ends the shared PID namespace and all in it; `done` is called when that is over, at once where there is
  // none.
  void Stop(std::function<void()> done);

 private:
  Result<> TakeNamespaces(const SandboxPlan& plan);
  Result<PodNamespaces> MakeNamespaces(NamespaceChoice choice, UniqueFd user);
  Result<> Configure(const SandboxPlan& plan);
  Result<> StartReaper();
  void OnReaperExit();

  Environment& env_;
  std::function<void()> on_failed_;
  std::string failure_;
  bool started_ = false;
  bool shm_mounted_ = false;
  PodNamespaces prepared_;
  PodNamespaces namespaces_;
  ClonedProcess reaper_;
  std::function<void()> on_stopped_;
};

}  // namespace davit
