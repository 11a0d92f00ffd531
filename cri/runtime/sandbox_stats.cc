// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/labels.h"
#include "cri/runtime/statistics.h"
#include "cri/runtime/usage_patience.h"
#include "cri/stats/cri_usage.h"

namespace davit::cri {
namespace {

v1::NetworkInterfaceUsage InterfaceUsageOf(const cni::LinkCounters& counters) {
  v1::NetworkInterfaceUsage interface;
  interface.set_name(counters.name);
  interface.mutable_rx_bytes()->set_value(counters.received.bytes);
  interface.mutable_rx_errors()->set_value(counters.received.errors);
  interface.mutable_tx_bytes()->set_value(counters.sent.bytes);
  interface.mutable_tx_errors()->set_value(counters.sent.errors);
  return interface;
}

// `links`: one at least, the default interface first.
v1::NetworkUsage NetworkUsageOf(const std::vector<cni::LinkCounters>& links) {
  v1::NetworkUsage usage;
  usage.set_timestamp(UnixNanoseconds());
  *usage.mutable_default_interface() = InterfaceUsageOf(links.front());
  for (size_t i = 1; i < links.size(); ++i) *usage.add_interfaces() = InterfaceUsageOf(links[i]);
  return usage;
}

}  // namespace

Result<v1::PodSandboxStatsResponse> Statistics::OfSandbox(const v1::PodSandboxStatsRequest& request,
                                                          Call& call) {
  SandboxPtr sandbox = TRY(ports_.pods.FindSandbox(request.pod_sandbox_id(), call.owner));
  v1::PodSandboxStatsResponse response;
  *response.mutable_stats() = StatsOf(*sandbox, TRY(ports_.network.Counters()), UsageDeadline());
  return response;
}

Result<std::vector<v1::PodSandboxStats>> Statistics::OfSandboxes(const v1::PodSandboxStatsFilter& filter,
                                                                 Owner owner) {
  int64_t usage_deadline = UsageDeadline();
  BridgeCounters counters = TRY(ports_.network.Counters());
  std::vector<v1::PodSandboxStats> found;
  for (const SandboxPtr& sandbox : ports_.pods.Sandboxes(owner)) {
    if (!sandbox->id().starts_with(filter.id())) continue;
    if (!MatchesLabels(sandbox->config().labels(), filter.label_selector())) continue;
    if (!sandbox->ready()) continue;
    v1::PodSandboxStats stats = StatsOf(*sandbox, counters, usage_deadline);
    if (sandbox->ready()) found.push_back(std::move(stats));
  }
  return found;
}

// The figures are those of the pod's own cgroup, which are more than the sum of its containers': what ended
// is in them, and memory that no container holds. A pod on the host's network has no traffic of its own.
v1::PodSandboxStats Statistics::StatsOf(Sandbox& sandbox, const BridgeCounters& counters,
                                        int64_t usage_deadline_ms) {
  const v1::PodSandboxConfig& config = sandbox.config();
  v1::PodSandboxStats stats;
  stats.mutable_attributes()->set_id(sandbox.id());
  *stats.mutable_attributes()->mutable_metadata() = config.metadata();
  *stats.mutable_attributes()->mutable_labels() = config.labels();
  *stats.mutable_attributes()->mutable_annotations() = config.annotations();

  v1::LinuxPodSandboxStats& pod = *stats.mutable_linux();
  SandboxRecord record = sandbox.record().Get();
  CgroupFiles files(ports_.cgroups.hierarchies(), record.cgroup_parent);
  if (auto cpu = CpuUsageOf(files, sandbox.cpu_rate())) *pod.mutable_cpu() = std::move(*cpu);
  if (auto memory = ReadMemory(files)) *pod.mutable_memory() = MemoryUsageOf(files, *memory);
  if (auto processes = ProcessUsageOf(files)) *pod.mutable_process() = std::move(*processes);
  if (auto io = IoUsageOf(files)) *pod.mutable_io() = std::move(*io);
  if (auto links = ports_.network.CountersOf(sandbox.id(), counters); !links.empty())
    *pod.mutable_network() = NetworkUsageOf(links);
  for (const ContainerPtr& container : ports_.pods.ContainersOf(sandbox.id())) {
    if (auto figures = StatsIfRunning(*container, usage_deadline_ms))
      *pod.add_containers() = std::move(*figures);
  }
  return stats;
}

}  // namespace davit::cri
