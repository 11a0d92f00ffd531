// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Status, RuntimeConfig and UpdateRuntimeConfig: the kubelet's calls about the runtime as a whole.
#pragma once

#include <functional>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/config/config.h"
#include "cri/host/cdi/registry.h"
#include "cri/host/cgroup/placement.h"
#include "cri/network/pod_network.h"
#include "cri/runtime/call.h"
#include "cri/shims/shims.h"
#include "cri/spec/host_facts.h"
#include "snapshotter/snapshots.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

// Thread-safe. Status does not wait for checks: each condition is the last result of the part that it
// describes.
class NodeStatus {
 public:
  // All must outlive the object.
  struct Ports {
    const Config& config;
    const HostFacts& facts;
    const CgroupPlacement& placement;
    const cdi::Registry& cdi;
    const Shims& shims;
    const snapshotter::Snapshots& snapshots;
    PodNetwork& network;
    // Returns an error if records cannot be written to disk.
    std::function<Result<>()> records_health;
  };
  explicit NodeStatus(const Ports& ports) : ports_(ports) {}

  Result<v1::StatusResponse> Status(const v1::StatusRequest& request, Call& call);
  // Tells the kubelet the cgroup driver, which it then uses itself (KEP-4033).
  Result<v1::RuntimeConfigResponse> RuntimeConfig(const v1::RuntimeConfigRequest& request, Call& call);
  Result<v1::UpdateRuntimeConfigResponse> UpdateRuntimeConfig(const v1::UpdateRuntimeConfigRequest& request,
                                                              Call& call);

 private:
  // Whether a pod could be started now, apart from its network.
  Result<> RuntimeHealth() const;
  void AddInfo(v1::StatusResponse& response) const;

  const Ports ports_;
};

}  // namespace davit::cri
