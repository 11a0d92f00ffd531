// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <map>

#include "base/host_memory.h"
#include "base/ids.h"
#include "local/local_containers.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

// A pod has one container, whose figures are those of the pod; the network's exist for pods alone.
void Fill(const v1::PodSandboxStats& pod, api::ContainerUsage& usage) {
  const v1::LinuxPodSandboxStats& stats = pod.linux();
  usage.set_taken_at(stats.cpu().timestamp());
  usage.set_cpu_nanoseconds(stats.cpu().usage_core_nano_seconds().value());
  usage.set_processes(stats.process().process_count().value());
  const v1::NetworkInterfaceUsage& network = stats.network().default_interface();
  usage.set_received_bytes(network.rx_bytes().value());
  usage.set_sent_bytes(network.tx_bytes().value());
  const v1::MemoryUsage memory = stats.containers().empty() ? stats.memory() : stats.containers(0).memory();
  usage.set_memory_bytes(memory.working_set_bytes().value());
  usage.set_memory_limit_bytes(memory.has_available_bytes()
                                   ? memory.working_set_bytes().value() + memory.available_bytes().value()
                                   : 0);
}

api::ContainerUsage UsageOf(const LocalContainer& container, const v1::PodSandboxStats& pod) {
  api::ContainerUsage usage;
  usage.set_id(container.id());
  usage.set_name(container.name());
  Fill(pod, usage);
  if (usage.memory_limit_bytes() == 0) usage.set_memory_limit_bytes(HostMemory());
  return usage;
}

}  // namespace

Result<api::ContainerStatsResponse> LocalContainers::Stats(const api::ContainerStatsRequest& request) const {
  std::vector<LocalContainerPtr> chosen;
  for (const std::string& name : request.containers()) chosen.push_back(TRY(roster_.Find(name)));
  if (chosen.empty()) chosen = roster_.All();
  std::map<std::string, LocalContainerPtr> by_sandbox;
  for (LocalContainerPtr& container : chosen) {
    if (std::optional<Run> run = container->run(); run && container->record().Read(IsRunning))
      by_sandbox[run->sandbox_id] = std::move(container);
  }
  api::ContainerStatsResponse response;
  if (by_sandbox.empty()) return response;
  // All in one call: each reads the counters of all network interfaces.
  v1::PodSandboxStatsFilter filter;
  if (by_sandbox.size() == 1) filter.set_id(by_sandbox.begin()->first);
  for (const v1::PodSandboxStats& pod :
       TRY(ports_.runtime.statistics().OfSandboxes(filter, cri::Owner::kLocal))) {
    auto found = by_sandbox.find(pod.attributes().id());
    if (found != by_sandbox.end()) *response.add_containers() = UsageOf(*found->second, pod);
  }
  return response;
}

Result<api::TopContainerResponse> LocalContainers::Top(const std::string& container) const {
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds());
  std::string id = container;
  Result<LocalContainerPtr> found = roster_.Find(container);
  if (found) {
    std::optional<Run> run = (*found)->run();
    if (!run)
      return Fail(Code::kFailedPrecondition, "list processes of container", (*found)->name(),
                  "it is not running");
    id = run->container_id;
  } else if (found.error().code == Code::kNotFound && IsId(container)) {
    call.owner = cri::Owner::kCri;
  } else {
    return std::unexpected(std::move(found).error());
  }
  api::TopContainerResponse response;
  for (int pid : TRY(ports_.runtime.processes().Of(id, call))) response.add_pids(pid);
  return response;
}

}  // namespace davit::local
