// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Applies the reports of shims to the state of pods and containers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/worker_pool.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/announcer.h"
#include "cri/runtime/container_cleanup.h"
#include "cri/runtime/known_container.h"
#include "cri/runtime/reconcile.h"
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
    const Clock& clock;
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
  // The report of a shim, and the containers that it is compared with, which may be much later. Those in the
  // report count as they were known when it arrived, the others as when it was requested: one that has
  // started since may be missing from the report, and must not be taken for one that has ended.
  struct Meeting {
    ShimState state;
    std::vector<KnownContainer> at_request;
    std::vector<KnownContainer> at_answer;
  };

  std::vector<KnownContainer> ContainersNow(const SandboxPtr& sandbox) const;
  // Reconciles the records with the report of a shim.
  void Reconcile(const SandboxPtr& sandbox, Meeting meeting);
  // Does what Decide says (reconcile.h). `live`: the shim's report of the container; null if it has none.
  void ReconcileContainer(const KnownContainer& known, ShimAnswer shim, StartedContainer* live);
  // Kills what is left of a container whose shim cannot say how it ended, and records that.
  void RecordLoss(const ContainerPtr& container);

  const Ports ports_;
};

}  // namespace davit::cri
