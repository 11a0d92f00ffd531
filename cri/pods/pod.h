// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sandboxes and containers as the daemon holds them in memory: a cache of the records, the shims and the
// kernel.
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

namespace davit {

class Sandbox {
 public:
  Sandbox(SandboxRecord record, runtime::v1::PodSandboxConfig config, Persisted<SandboxRecord>::Write write)
      : id_(record.id), config_(std::move(config)), record_(std::move(record), std::move(write)) {}

  const std::string& id() const { return id_; }
  const runtime::v1::PodSandboxConfig& config() const { return config_; }
  Persisted<SandboxRecord>& record() { return record_; }
  const Persisted<SandboxRecord>& record() const { return record_; }
  ExecTable& execs() { return execs_; }
  CpuRate& cpu_rate() { return cpu_rate_; }

  bool ready() const { return record_.Read(phases::IsReady); }

  void SetShim(ShimPtr shim) EXCLUDES(mutex_);
  // Null before the shim is started and after it is gone.
  ShimPtr shim() const EXCLUDES(mutex_);
  // kUnavailable when there is none.
  Result<ShimPtr> LiveShim() const EXCLUDES(mutex_);

  // Makes the sandbox READY with what `complete` writes into the record. The shim is looked at in the same
  // step, so that one which dies meanwhile cannot leave a READY sandbox. kUnavailable when it is gone,
  // kFailedPrecondition when the sandbox was stopped or failed meanwhile.
  Result<> BecomeReady(const std::function<void(SandboxRecord&)>& complete) EXCLUDES(mutex_);

  // The pod's user namespace, if it has one.
  void SetUserNamespace(UniqueFd user_namespace) EXCLUDES(mutex_);
  // A descriptor of its own; empty when there is none.
  Result<UniqueFd> DuplicateUserNamespace() const EXCLUDES(mutex_);

 private:
  const std::string id_;
  const runtime::v1::PodSandboxConfig config_;
  Persisted<SandboxRecord> record_;
  ExecTable execs_;
  CpuRate cpu_rate_;
  mutable Mutex mutex_;
  ShimPtr shim_ GUARDED_BY(mutex_);
  UniqueFd user_namespace_ GUARDED_BY(mutex_);
};

class Container {
 public:
  // `layers` holds those of its image and its image volumes for as long as the container exists.
  Container(ContainerRecord record, runtime::v1::ContainerConfig config, std::shared_ptr<Sandbox> sandbox,
            LayerHold layers, Persisted<ContainerRecord>::Write write)
      : id_(record.id),
        config_(std::move(config)),
        sandbox_(std::move(sandbox)),
        layers_(std::move(layers)),
        record_(std::move(record), std::move(write)) {}

  const std::string& id() const { return id_; }
  const runtime::v1::ContainerConfig& config() const { return config_; }
  Sandbox& sandbox() const { return *sandbox_; }
  Persisted<ContainerRecord>& record() { return record_; }
  const Persisted<ContainerRecord>& record() const { return record_; }

  bool running() const { return record_.Read(phases::IsRunning); }

  CpuRate& cpu_rate() { return cpu_rate_; }
  ExecCgroups& exec_cgroups() { return exec_cgroups_; }

  // Whether a call of this daemon is starting it. Set by that call.
  bool start_in_flight() const { return start_in_flight_; }
  void SetStartInFlight(bool in_flight) { start_in_flight_ = in_flight; }

  // Held around every operation on the container's cgroup after its start: removal and update may come from
  // several threads.
  Mutex& cgroup_mutex() { return cgroup_mutex_; }

  void SetProcess(PidFd init) EXCLUDES(mutex_);
  // kNotFound when there is none.
  Result<> Signal(int signo) const EXCLUDES(mutex_);
  // A descriptor of its own for the init process; kFailedPrecondition when there is none.
  Result<UniqueFd> DuplicateProcess() const EXCLUDES(mutex_);

 private:
  const std::string id_;
  const runtime::v1::ContainerConfig config_;
  const std::shared_ptr<Sandbox> sandbox_;
  const LayerHold layers_;
  Persisted<ContainerRecord> record_;
  CpuRate cpu_rate_;
  ExecCgroups exec_cgroups_;
  std::atomic<bool> start_in_flight_ = false;
  Mutex cgroup_mutex_;
  mutable Mutex mutex_;
  PidFd init_ GUARDED_BY(mutex_);
};

using SandboxPtr = std::shared_ptr<Sandbox>;
using ContainerPtr = std::shared_ptr<Container>;

}  // namespace davit
