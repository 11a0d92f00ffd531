// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What shims report becomes the state of pods and containers.
#pragma once

#include <functional>
#include <string>

#include "base/log.h"
#include "base/worker_pool.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/announcer.h"
#include "cri/runtime/container_cleanup.h"
#include "cri/shims/shims.h"

namespace davit {

// Thread-safe.
class ShimWatch {
 public:
  // All outlive the object. `workers` take the work that an event causes and that may block.
  struct Ports {
    PodTable& pods;
    Shims& shims;
    Announcer& announcer;
    ContainerCleanup& cleanup;
    WorkerPool& workers;
    const Logger& log;
  };
  explicit ShimWatch(const Ports& ports) : ports_(ports) {}

  // For the connection to the sandbox's shim. Whenever the shim answers on a new connection, the sandbox and
  // its containers are reconciled with what it says, and then `reconciled` is called.
  ShimEvents EventsOf(const SandboxPtr& sandbox, std::function<void()> reconciled = [] {});

  // The shim has started the container. Announces it.
  Result<> Started(const ContainerPtr& container, StartedContainer started);
  // The start did not reach the program. Announces it.
  void StartFailed(const ContainerPtr& container, const Error& error);
  // The container has ended, as its exit record says.
  void Exited(const ContainerPtr& container, const ContainerExited& exited);
  // The container's shim is gone: takes its exit record, or kills what may be left of it; its exit code is
  // unknown then.
  void Lose(const ContainerPtr& container);
  // The sandbox's shim is gone: the sandbox fails, and its containers are lost.
  void ShimDied(const SandboxPtr& sandbox);
  // The sandbox cannot run containers any more: it is not ready, for `reason`.
  void SandboxFailed(const SandboxPtr& sandbox, const std::string& reason);

  // Makes the records agree with what a shim says (reconcile.h).
  void Reconcile(const SandboxPtr& sandbox, ShimState state);
  // The same for a shim that does not answer: takes the exits that it has recorded.
  void TakeRecordedExits(const SandboxPtr& sandbox);

 private:
  void ReconcileContainer(const ContainerPtr& container, StartedContainer* live);

  const Ports ports_;
};

}  // namespace davit
