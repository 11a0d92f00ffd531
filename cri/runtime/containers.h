// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs on containers, each in the file named after it.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/log.h"
#include "base/once_per_name.h"
#include "base/worker_pool.h"
#include "cri/config/config.h"
#include "cri/records/pod_store.h"
#include "cri/runtime/call.h"
#include "cri/runtime/container_planner.h"
#include "cri/runtime/deletion_log.h"
#include "cri/runtime/shim_watch.h"
#include "images/image_lookup.h"
#include "snapshotter/snapshots.h"

namespace davit {

namespace v1 = ::runtime::v1;

// Thread-safe, as runtime.h says.
class Containers {
 public:
  // All outlive the object. `workers` take steps beside the caller's, `cleaners` what may wait.
  struct Ports {
    const Config& config;
    PodTable& pods;
    PodStore& records;
    Snapshots& snapshots;
    ImageLookup& images;
    const Cgroups& cgroups;
    Shims& shims;
    Confinement& confinement;
    const ContainerPlanner& planner;
    Announcer& announcer;
    ContainerCleanup& cleanup;
    ShimWatch& watch;
    DeletionLog& deletions;
    WorkerPool& workers;
    WorkerPool& cleaners;
  };
  explicit Containers(const Ports& ports) : ports_(ports) {}

  Result<v1::CreateContainerResponse> Create(const v1::CreateContainerRequest& request, Call& call);
  Result<v1::StartContainerResponse> Start(const v1::StartContainerRequest& request, Call& call);
  Result<v1::StopContainerResponse> Stop(const v1::StopContainerRequest& request, Call& call);
  Result<v1::RemoveContainerResponse> Remove(const v1::RemoveContainerRequest& request, Call& call);
  Result<v1::ContainerStatusResponse> Status(const v1::ContainerStatusRequest& request, Call& call);
  Result<std::vector<v1::Container>> List(const v1::ContainerFilter& filter);
  Result<v1::UpdateContainerResourcesResponse> UpdateResources(
      const v1::UpdateContainerResourcesRequest& request, Call& call);
  Result<v1::ReopenContainerLogResponse> ReopenLog(const v1::ReopenContainerLogRequest& request, Call& call);

  // SIGKILL to every container of the sandbox; returns when all have ended. A shim that does not report their
  // ends is killed, so that the daemon takes over.
  Result<> KillAllOf(const Sandbox& sandbox, int64_t deadline_ms);
  // Removes a container that does not run. Idempotent, and goes on where an earlier attempt failed.
  Result<> Forget(const ContainerPtr& container);
  // Recovery: its name is taken.
  void RestoreName(const Container& container, const std::string& config_bytes);

 private:
  Result<std::string> MakeContainer(const SandboxPtr& sandbox, const v1::CreateContainerRequest& request,
                                    Call& call);
  Result<> Launch(const ContainerPtr& container, Call& call);
  Result<ContainerLaunch> PrepareLaunch(const ContainerPtr& container, Call& call);
  Result<> AddMounts(const Container& container, const ContainerRecord& record, const ContainerPlan& plan,
                     StartFrame& frame);
  Result<> AddDescriptors(const Container& container, const ContainerRecord& record,
                          const ContainerPlan& plan, StartFrame& frame);
  Result<> StopProcess(const ContainerPtr& container, int64_t grace_ms, int64_t deadline_ms);
  Result<bool> UpdatePlannedResources(Container& container, const v1::LinuxContainerResources& change);

  const Ports ports_;
  OncePerName names_;
  OncePerName starts_;  // by id
};

}  // namespace davit
