// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sandboxes and containers as the daemon holds them in memory: a cache of the records, the shims and the
// kernel.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/pid_fd.h"
#include "base/thread_annotations.h"
#include "cri/host/cgroup/exec_cgroup.h"
#include "cri/pods/persisted.h"
#include "cri/pods/pod_records.h"
#include "cri/shims/shim_link.h"
#include "cri/stats/cpu_rate.h"

namespace davit {

// Streamed execs in flight of one sandbox, so that the event of an exec's end finds who waits for it.
class ExecTable {
 public:
  // Called once, with nothing when the shim is gone and nobody knows; on the reactor's thread.
  using OnEnd = std::function<void(const std::optional<ExecExited>&)>;

  void Expect(const std::string& exec_id, OnEnd on_end) EXCLUDES(mutex_);
  void Forget(const std::string& exec_id) EXCLUDES(mutex_);
  void Finish(const ExecExited& exited) EXCLUDES(mutex_);
  // The shim is gone: every exec ends with the code of a lost process.
  void FinishAll() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::map<std::string, OnEnd> waiting_ GUARDED_BY(mutex_);
};

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

  bool ready() const {
    return record_.Read([](const SandboxRecord& r) { return r.phase == SandboxPhase::kReady; });
  }

  void SetLink(std::shared_ptr<ShimLink> link) EXCLUDES(mutex_);
  // Null before the shim is started and after it is gone.
  std::shared_ptr<ShimLink> link() const EXCLUDES(mutex_);

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
  std::shared_ptr<ShimLink> link_ GUARDED_BY(mutex_);
  UniqueFd user_namespace_ GUARDED_BY(mutex_);
};

class Container {
 public:
  Container(ContainerRecord record, runtime::v1::ContainerConfig config, std::shared_ptr<Sandbox> sandbox,
            Persisted<ContainerRecord>::Write write)
      : id_(record.id),
        config_(std::move(config)),
        sandbox_(std::move(sandbox)),
        record_(std::move(record), std::move(write)) {}

  const std::string& id() const { return id_; }
  const runtime::v1::ContainerConfig& config() const { return config_; }
  Sandbox& sandbox() const { return *sandbox_; }
  Persisted<ContainerRecord>& record() { return record_; }
  const Persisted<ContainerRecord>& record() const { return record_; }

  ContainerPhase phase() const {
    return record_.Read([](const ContainerRecord& r) { return r.phase; });
  }

  CpuRate& cpu_rate() { return cpu_rate_; }
  ExecCgroups& exec_cgroups() { return exec_cgroups_; }

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
  Persisted<ContainerRecord> record_;
  CpuRate cpu_rate_;
  ExecCgroups exec_cgroups_;
  Mutex cgroup_mutex_;
  mutable Mutex mutex_;
  PidFd init_ GUARDED_BY(mutex_);
};

// "name_namespace_uid_attempt": what makes two requests for a sandbox the same one.
std::string SandboxName(const runtime::v1::PodSandboxMetadata& metadata);
// "name_attempt_sandbox id".
std::string ContainerName(const runtime::v1::ContainerMetadata& metadata, const std::string& sandbox_id);

// Equal messages give equal bytes, maps included.
std::string SerializeDeterministically(const google::protobuf::Message& message);

}  // namespace davit
