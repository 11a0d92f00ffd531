// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Applies the reports of shims to the state of pods and containers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/worker_pool.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/announcer.h"
#include "cri/runtime/container_cleanup.h"
#include "cri/shims/shims.h"

namespace davit::cri {

// Thread-safe.
class ShimWatch {
 public:
  // All must outlive the object. `workers` run work that an event causes and that may block.
  struct Ports {
    PodTable& pods;
    Shims& shims;
    Announcer& announcer;
    ContainerCleanup& cleanup;
    WorkerPool& workers;
    const Logger& log;
  };
  explicit ShimWatch(const Ports& ports) : ports_(ports) {}

  // The callbacks for the connection to the sandbox's shim. Whenever the shim answers on a new connection,
  // the sandbox and its containers are reconciled with its report, and then `reconciled` is called.
  ShimEvents EventsOf(const SandboxPtr& sandbox, std::function<void()> reconciled = [] {});

  // The shim has started the container. Announces the start.
  Result<> Started(const ContainerPtr& container, StartedContainer started);
  // The program was not executed. Announces the failure.
  void StartFailed(const ContainerPtr& container, const Error& error);
  // The container has ended, as its exit record says. Does not wait for the database.
  void Exited(const ContainerPtr& container, const shim::ContainerExited& exited);
  // The container's shim has died: applies its exit record, or else kills the remaining processes and records
  // an unknown exit code.
  void Lose(const ContainerPtr& container);
  // The sandbox's shim has died: the sandbox fails, and its containers are lost.
  void ShimDied(const SandboxPtr& sandbox);
  // The sandbox cannot run containers any more: marks it as not ready, with `reason`.
  void SandboxFailed(const SandboxPtr& sandbox, const std::string& reason);

  // For a shim that does not answer: applies the exits that it has recorded.
  void TakeRecordedExits(const SandboxPtr& sandbox);

 private:
  // A container as it was known when the shim's state arrived.
  struct Known {
    ContainerPtr container;
    ContainerPhase phase;
    bool start_in_flight;
  };
  // The report of a shim, and the containers that it is compared with. A worker may compare them much later:
  // a container that started in between is not in the report and must not be taken for one that has ended.
  struct Meeting {
    ShimState state;
    std::vector<Known> containers;
  };

  std::vector<Known> ContainersNow(const Sandbox& sandbox) const;
  // Reconciles the records with the report of a shim (reconcile.h).
  void Reconcile(const SandboxPtr& sandbox, Meeting meeting);
  void ReconcileContainer(const Known& known, StartedContainer* live);

  const Ports ports_;
};

}  // namespace davit::cri
