// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs on containers. Each is implemented in the file named after it; List is in container_status.cc,
// ReopenLog in container_update.cc, and Unpause in container_pause.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/clock.h"
#include "base/once_per_name.h"
#include "base/worker_pool.h"
#include "cri/config/config.h"
#include "cri/records/pod_store.h"
#include "cri/runtime/call.h"
#include "cri/runtime/client_session.h"
#include "cri/runtime/container_extras.h"
#include "cri/runtime/container_planner.h"
#include "cri/runtime/container_use.h"
#include "cri/runtime/deletion_log.h"
#include "cri/runtime/shim_watch.h"
#include "images/image_lookup.h"
#include "snapshotter/snapshots.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

// Thread-safe, see runtime.h.
class Containers {
 public:
  // All must outlive the object. `workers` run steps in parallel to the caller, `cleaners` run work that may
  // be delayed.
  struct Ports {
    const Config& config;
    PodTable& pods;
    PodStore& records;
    snapshotter::Snapshots& snapshots;
    images::ImageLookup& images;
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
    const Clock& clock;
  };
  explicit Containers(const Ports& ports) : ports_(ports) {}

  Result<v1::CreateContainerResponse> Create(const v1::CreateContainerRequest& request, Call& call,
                                             const ContainerExtras& extras = {});
  // The errors that Create would find in a container of a pod that is not made yet.
  Result<> Check(const v1::PodSandboxConfig& pod, const v1::ContainerConfig& config,
                 const images::ImageRecord& image, const ContainerExtras& extras) const {
    return ports_.planner.Check(pod, config, image, extras);
  }
  // With `attached`, a client whose connection gets kStreams (shim/session.h) when the container has started,
  // and nothing if the start fails or if another call has begun it.
  Result<v1::StartContainerResponse> Start(const v1::StartContainerRequest& request, Call& call,
                                           AttachedStart* attached = nullptr);
  Result<v1::StopContainerResponse> Stop(const v1::StopContainerRequest& request, Call& call);
  Result<v1::RemoveContainerResponse> Remove(const v1::RemoveContainerRequest& request, Call& call);
  Result<v1::ContainerStatusResponse> Status(const v1::ContainerStatusRequest& request, Call& call);
  Result<std::vector<v1::Container>> List(const v1::ContainerFilter& filter, Owner owner = Owner::kCri);
  std::vector<ContainerUse> Uses(Owner owner) const;
  // Freezes all processes of the container, and lets them go on. kFailedPrecondition if it does not run; else
  // the errors of Cgroups. What its shim does for it goes on. IsPaused asks the kernel; false if the
  // container does not run.
  Result<> Pause(const std::string& container_id, Call& call);
  Result<> Unpause(const std::string& container_id, Call& call);
  Result<bool> IsPaused(const std::string& container_id, Call& call);
  Result<v1::UpdateContainerResourcesResponse> UpdateResources(
      const v1::UpdateContainerResourcesRequest& request, Call& call);
  Result<v1::ReopenContainerLogResponse> ReopenLog(const v1::ReopenContainerLogRequest& request, Call& call);

  // Sends SIGKILL to all containers of the sandbox and waits until all have ended. A shim that does not
  // report their ends in time is killed; the daemon then records the ends itself.
  Result<> KillAllOf(const Sandbox& sandbox, int64_t deadline_ms);
  // Removes a container that is not running. Idempotent; continues where an earlier attempt failed.
  Result<> Forget(const ContainerPtr& container);
  // For recovery: reserves the container's name.
  void RestoreName(const Container& container);

 private:
  Result<std::string> MakeContainer(const SandboxPtr& sandbox, const v1::CreateContainerRequest& request,
                                    Call& call, const ContainerExtras& extras);
  Result<> RemoveWritableLayer(const ContainerRecord& record);  // unless it is kept
  Result<> Launch(const ContainerPtr& container, Call& call, AttachedStart* attached);
  Result<> StopProcess(const ContainerPtr& container, int64_t grace_ms, int64_t deadline_ms);

  const Ports ports_;
  OncePerName names_;
  OncePerName starts_;  // by container id
};

}  // namespace davit::cri
