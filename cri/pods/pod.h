// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sandboxes and containers in the daemon's memory: a cache of the records, the shims and the kernel's state.
// Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/pid_fd.h"
#include "base/thread_annotations.h"
#include "cri/host/cgroup/exec_cgroup.h"
#include "cri/pods/exec_table.h"
#include "cri/pods/persisted.h"
#include "cri/pods/phases.h"
#include "cri/pods/pod_records.h"
#include "cri/shims/shims.h"
#include "cri/stats/cpu_rate.h"
#include "images/layer_hold.h"

namespace davit::cri {

class Sandbox {
 public:
  using ConfigPtr = std::shared_ptr<const runtime::v1::PodSandboxConfig>;

  Sandbox(SandboxRecord record, ConfigPtr config, Persisted<SandboxRecord>::Write write)
      : id_(record.id),
        owner_(record.owner),
        config_(std::move(config)),
        record_(std::move(record), std::move(write)) {}

  const std::string& id() const { return id_; }
  Owner owner() const { return owner_; }
  const runtime::v1::PodSandboxConfig& config() const { return *config_; }
  Persisted<SandboxRecord>& record() { return record_; }
  const Persisted<SandboxRecord>& record() const { return record_; }
  ExecTable& execs() { return execs_; }
  CpuRate& cpu_rate() { return cpu_rate_; }

  bool ready() const { return record_.Read(phases::IsReady); }

  void SetShim(ShimPtr shim) EXCLUDES(mutex_);
  // Null before the shim is started and after it has died.
  ShimPtr shim() const EXCLUDES(mutex_);
  // kUnavailable if the shim is missing or does not answer.
  Result<ShimPtr> LiveShim() const EXCLUDES(mutex_);

  // Makes the sandbox READY and applies `complete` to its record. The shim is checked in the same atomic
  // step, so a shim that dies meanwhile cannot leave a READY sandbox. kUnavailable if it has died,
  // kFailedPrecondition if the sandbox was stopped or failed meanwhile.
  Result<> BecomeReady(const std::function<void(SandboxRecord&)>& complete) EXCLUDES(mutex_);

  // Stores the pod's user namespace.
  void SetUserNamespace(UniqueFd user_namespace) EXCLUDES(mutex_);
  // A new descriptor of the user namespace, owned by the caller; empty if the pod has none.
  Result<UniqueFd> DuplicateUserNamespace() const EXCLUDES(mutex_);

 private:
  const std::string id_;
  const Owner owner_;
  const ConfigPtr config_;
  Persisted<SandboxRecord> record_;
  ExecTable execs_;
  CpuRate cpu_rate_;
  mutable Mutex mutex_;
  ShimPtr shim_ GUARDED_BY(mutex_);
  UniqueFd user_namespace_ GUARDED_BY(mutex_);
};

class Container {
 public:
  using ConfigPtr = std::shared_ptr<const runtime::v1::ContainerConfig>;

  // `layers` protects the layers of the image and of the image volumes from removal while the container
  // exists.
  Container(ContainerRecord record, ConfigPtr config, std::shared_ptr<Sandbox> sandbox,
            images::LayerHold layers, Persisted<ContainerRecord>::Write write)
      : id_(record.id),
        config_(std::move(config)),
        sandbox_(std::move(sandbox)),
        record_(std::move(record), std::move(write)),
        layers_(std::move(layers)) {}

  const std::string& id() const { return id_; }
  const runtime::v1::ContainerConfig& config() const { return *config_; }
  Sandbox& sandbox() const { return *sandbox_; }
  Owner owner() const { return sandbox_->owner(); }
  Persisted<ContainerRecord>& record() { return record_; }
  const Persisted<ContainerRecord>& record() const { return record_; }

  bool running() const { return record_.Read(phases::IsRunning); }

  CpuRate& cpu_rate() { return cpu_rate_; }
  ExecCgroups& exec_cgroups() { return exec_cgroups_; }

  // Whether a call of this daemon is starting the container; set by that call.
  bool start_in_flight() const { return start_in_flight_; }
  void SetStartInFlight(bool in_flight) { start_in_flight_ = in_flight; }

  // To be held during every operation on the container's cgroup after its start: several threads may remove
  // or update it.
  Mutex& cgroup_mutex() { return cgroup_mutex_; }

  // Called on removal: the layers may then be removed, even if a call still has the object.
  void ReleaseLayers() EXCLUDES(mutex_);

  void SetProcess(PidFd init) EXCLUDES(mutex_);
  // Sends a signal to the init process; kNotFound if there is none.
  Result<> Signal(int signo) const EXCLUDES(mutex_);
  // A new descriptor of the init process, owned by the caller; kFailedPrecondition if there is none.
  Result<UniqueFd> DuplicateProcess() const EXCLUDES(mutex_);

 private:
  const std::string id_;
  const ConfigPtr config_;
  const std::shared_ptr<Sandbox> sandbox_;
  Persisted<ContainerRecord> record_;
  CpuRate cpu_rate_;
  ExecCgroups exec_cgroups_;
  std::atomic<bool> start_in_flight_ = false;
  Mutex cgroup_mutex_;
  mutable Mutex mutex_;
  PidFd init_ GUARDED_BY(mutex_);
  images::LayerHold layers_ GUARDED_BY(mutex_);
};

using SandboxPtr = std::shared_ptr<Sandbox>;
using ContainerPtr = std::shared_ptr<Container>;

}  // namespace davit::cri
