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

namespace davit::shim {

// Holds the pod's namespaces and, with a shared PID namespace, its first process.
class Sandbox {
 public:
  // `on_failed` is called once if the sandbox fails and no container can start in it any more.
  Sandbox(Environment& env, std::function<void()> on_failed) : env_(env), on_failed_(std::move(on_failed)) {}

  // Creates the namespaces that most pods need, before this pod's plan is known, because this is the slow
  // part. If it fails, Start creates them.
  Result<> Prepare();

  // Creates everything; may be called again after a failure. Start and Prepare block on short-lived children,
  // and nothing else ever blocks the loop. That is acceptable: these children are in the shim's own cgroup
  // and touch nothing that can hang, and no container exists yet.
  Result<> Start(const SandboxPlan& plan);

  bool started() const { return started_; }
  // Why no container can start any more; empty while containers can start.
  const std::string& failure() const { return failure_; }
  const PodNamespaces& namespaces() const { return namespaces_; }
  // Null without a shared PID namespace.
  const PidFd* reaper() const { return reaper_.pidfd.valid() ? &reaper_.pidfd : nullptr; }

  // Kills all processes in the shared PID namespace; calls `done` when they have ended, at once if there is
  // no shared PID namespace.
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

}  // namespace davit::shim
