// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/if_running.h"
#include "cri/runtime/labels.h"
#include "cri/runtime/statistics.h"
#include "cri/runtime/usage_patience.h"
#include "cri/stats/cri_usage.h"

namespace davit::cri {

Result<v1::ContainerStatsResponse> Statistics::OfContainer(const v1::ContainerStatsRequest& request,
                                                           Call& call) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), call.owner));
  v1::ContainerStatsResponse response;
  int64_t usage_deadline = UsageDeadline();
  std::optional<v1::ContainerStats> running = StatsIfRunning(*container, usage_deadline);
  *response.mutable_stats() = running ? std::move(*running) : FileStatsOf(*container, usage_deadline);
  return response;
}

Result<std::vector<v1::ContainerStats>> Statistics::OfContainers(const v1::ContainerStatsFilter& filter) {
  int64_t usage_deadline = UsageDeadline();
  std::vector<v1::ContainerStats> found;
  for (const ContainerPtr& container : ports_.pods.Containers(Owner::kCri)) {
    if (!container->id().starts_with(filter.id())) continue;
    if (!container->sandbox().id().starts_with(filter.pod_sandbox_id())) continue;
    if (!MatchesLabels(container->config().labels(), filter.label_selector())) continue;
    std::optional<v1::ContainerStats> stats = StatsIfRunning(*container, usage_deadline);
    if (stats) found.push_back(std::move(*stats));
  }
  return found;
}

std::optional<v1::ContainerStats> Statistics::StatsIfRunning(Container& container,
                                                             int64_t usage_deadline_ms) {
  return IfRunning(container, [&] {
    v1::ContainerStats stats = FileStatsOf(container, usage_deadline_ms);
    CgroupFiles files(ports_.cgroups.hierarchies(),
                      container.record().Read([](const ContainerRecord& r) { return r.cgroup_path; }));
    if (auto cpu = CpuUsageOf(files, container.cpu_rate())) *stats.mutable_cpu() = std::move(*cpu);
    if (auto memory = ReadMemory(files)) {
      *stats.mutable_memory() = MemoryUsageOf(files, *memory);
      if (auto swap = SwapUsageOf(*memory)) *stats.mutable_swap() = std::move(*swap);
    }
    if (auto io = IoUsageOf(files)) *stats.mutable_io() = std::move(*io);
    return stats;
  });
}

v1::ContainerStats Statistics::FileStatsOf(Container& container, int64_t usage_deadline_ms) {
  const v1::ContainerConfig& config = container.config();
  v1::ContainerStats stats;
  stats.mutable_attributes()->set_id(container.id());
  *stats.mutable_attributes()->mutable_metadata() = config.metadata();
  *stats.mutable_attributes()->mutable_labels() = config.labels();
  *stats.mutable_attributes()->mutable_annotations() = config.annotations();

  std::string writable = container.record().Read([](const ContainerRecord& r) { return r.WritableLayer(); });
  if (auto layer = ports_.snapshots.RecentContainerUsage(writable, usage_deadline_ms)) {
    *stats.mutable_writable_layer() =
        FilesystemUsageOf(ports_.snapshots.root(), layer->usage, layer->taken_at);
  }
  return stats;
}

}  // namespace davit::cri
