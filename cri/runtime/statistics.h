// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Statistics and metrics of pods and containers.
#pragma once

#include <optional>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/network/pod_network.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/call.h"
#include "snapshotter/snapshots.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

// Thread-safe, see runtime.h.
class Statistics {
 public:
  // All must outlive the object.
  struct Ports {
    PodTable& pods;
    const Cgroups& cgroups;
    const snapshotter::Snapshots& snapshots;
    PodNetwork& network;
  };
  explicit Statistics(const Ports& ports) : ports_(ports) {}

  Result<v1::ContainerStatsResponse> OfContainer(const v1::ContainerStatsRequest& request, Call& call);
  // Stats of RUNNING containers; those that stop during sampling are omitted.
  Result<std::vector<v1::ContainerStats>> OfContainers(const v1::ContainerStatsFilter& filter);
  Result<v1::PodSandboxStatsResponse> OfSandbox(const v1::PodSandboxStatsRequest& request, Call& call);
  // Stats of READY sandboxes; those that stop during sampling are omitted.
  Result<std::vector<v1::PodSandboxStats>> OfSandboxes(const v1::PodSandboxStatsFilter& filter,
                                                       Owner owner = Owner::kCri);

  // Metrics of READY sandboxes and their RUNNING containers, as described in cri/stats/metrics.h.
  Result<std::vector<v1::PodSandboxMetrics>> Metrics();

 private:
  // The part of the stats that a container has even if it is not running.
  v1::ContainerStats FileStatsOf(Container& container, int64_t usage_deadline_ms);
  std::optional<v1::ContainerStats> StatsIfRunning(Container& container, int64_t usage_deadline_ms);
  v1::PodSandboxStats StatsOf(Sandbox& sandbox, const BridgeCounters& counters, int64_t usage_deadline_ms);
  v1::PodSandboxMetrics MetricsOf(const Sandbox& sandbox, const BridgeCounters& counters) const;
  v1::ContainerMetrics MetricsOf(const Container& container, int64_t usage_deadline_ms) const;

  const Ports ports_;
};

}  // namespace davit::cri
