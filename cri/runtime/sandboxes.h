// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs on pod sandboxes. Each is implemented in the file named after it; List is in sandbox_status.cc.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/once_per_name.h"
#include "base/worker_pool.h"
#include "cri/config/config.h"
#include "cri/network/pod_network.h"
#include "cri/runtime/containers.h"
#include "cri/runtime/network_wish.h"
#include "cri/runtime/pod_directories.h"

namespace davit::cri {

// Thread-safe, see runtime.h.
class Sandboxes {
 public:
  // All must outlive the object. `workers` run steps in parallel to the caller.
  struct Ports {
    const Config& config;
    PodTable& pods;
    PodStore& records;
    PodNetwork& network;
    const Cgroups& cgroups;
    Shims& shims;
    Confinement& confinement;
    const PodDirectories& files;
    Announcer& announcer;
    ShimWatch& watch;
    Containers& containers;
    WorkerPool& workers;
    const Logger& log;
    const Clock& clock;
  };
  explicit Sandboxes(const Ports& ports) : ports_(ports) {}

  // `shm_bytes`: of the pod's /dev/shm; 0: 64 MiB.
  Result<v1::RunPodSandboxResponse> Run(const v1::RunPodSandboxRequest& request, Call& call,
                                        const NetworkWish& network = {}, uint64_t shm_bytes = 0);
  // The errors that Run finds before it makes anything.
  Result<> Check(const v1::RunPodSandboxRequest& request) const;
  Result<v1::StopPodSandboxResponse> Stop(const v1::StopPodSandboxRequest& request, Call& call);
  Result<v1::RemovePodSandboxResponse> Remove(const v1::RemovePodSandboxRequest& request, Call& call);
  Result<v1::PodSandboxStatusResponse> Status(const v1::PodSandboxStatusRequest& request, Call& call);
  // Why the sandbox has failed; empty if it has not.
  Result<std::string> WhyFailed(const std::string& sandbox_id, Call& call) const;
  Result<std::vector<v1::PodSandbox>> List(const v1::PodSandboxFilter& filter, Owner owner = Owner::kCri);
  Result<v1::UpdatePodSandboxResourcesResponse> UpdateResources(
      const v1::UpdatePodSandboxResourcesRequest& request, Call& call);

  // Removes a sandbox whose creation failed. True if nothing is left of it. Otherwise it is listed as not
  // ready, with `reason`, and keeps its name, so that the client can stop and remove it.
  bool Undo(const SandboxPtr& sandbox, const std::string& reason, Spans& spans);
  // For recovery: reserves the sandbox's name.
  void RestoreName(const Sandbox& sandbox);

 private:
  // The sandbox names of an owner: those of others have no part in them.
  OncePerName& NamesOf(Owner owner) { return owner == Owner::kCri ? names_of_cri_ : names_of_local_; }
  Result<> CheckCgroupParent(const std::string& parent) const;
  Result<v1::RunPodSandboxResponse> Make(const v1::RunPodSandboxRequest& request, const NetworkWish& network,
                                         uint64_t shm_bytes, OncePerName::Turn& turn, Call& call);
  Result<SandboxPtr> Record(const std::string& id, const v1::RunPodSandboxRequest& request,
                            const NetworkWish& network, Owner owner);
  Result<> BringUp(const SandboxPtr& sandbox, NewShim shim, uint64_t shm_bytes, Call& call);
  Result<> MakeCgroup(const SandboxRecord& record);

  // Each of these is idempotent and works without a shim.
  Result<> Release(const SandboxPtr& sandbox, int64_t deadline_ms, Spans& spans);
  Result<> DetachNetwork(const Sandbox& sandbox);
  void EndShim(Sandbox& sandbox, int64_t deadline_ms);
  Result<> Forget(const SandboxPtr& sandbox);

  const Ports ports_;
  OncePerName names_of_cri_;
  OncePerName names_of_local_;
};

}  // namespace davit::cri
