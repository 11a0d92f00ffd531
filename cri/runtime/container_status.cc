// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "base/codec.h"
#include "cri/runtime/containers.h"
#include "cri/runtime/labels.h"
#include "cri/runtime/message_json.h"
#include "cri/runtime/pod_status.h"
#include "cri/runtime/sysctl_defaults.h"
#include "cri/spec/oci_spec.h"
#include "cri/spec/sandbox_plan.h"

namespace davit::cri {
namespace {

// For `crictl inspect`.
Result<nlohmann::json> InfoOf(const Config& config, const Container& container) {
  ContainerRecord record = container.record().Get();
  shim::SandboxPlan sandbox_plan =
      TRY(BuildSandboxPlan(container.sandbox().config(), record.sandbox_id, SysctlDefaultsOf(config)));
  shim::ContainerPlan plan = TRY(Decode<shim::ContainerPlan>(record.plan, "plan of " + record.id));
  std::string spec = RenderOciSpec(sandbox_plan, plan, record.cgroup_path, ResourcesOf(container));
  nlohmann::json info;
  info["sandboxID"] = record.sandbox_id;
  info["pid"] = record.pid;
  info["config"] = JsonOf(container.config());
  info["cgroupPath"] = record.cgroup_path;
  info["layers"] = record.chain_ids;
  info["runtimeSpec"] = JsonOrNull(spec);
  return info;
}

}  // namespace

Result<v1::ContainerStatusResponse> Containers::Status(const v1::ContainerStatusRequest& request,
                                                       Call& call) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), call.owner));
  v1::ContainerStatusResponse response;
  *response.mutable_status() = StatusOf(*container);
  if (request.verbose())
    (*response.mutable_info())["info"] = PrintJson(TRY(InfoOf(ports_.config, *container)));
  return response;
}

Result<std::vector<v1::Container>> Containers::List(const v1::ContainerFilter& filter, Owner owner) {
  std::vector<v1::Container> found;
  for (const ContainerPtr& container : ports_.pods.Containers(owner)) {
    ContainerRecord record = container->record().Get();
    if (!record.id.starts_with(filter.id()) || !record.sandbox_id.starts_with(filter.pod_sandbox_id()))
      continue;
    if (filter.has_state() && filter.state().state() != StateOf(record)) continue;
    if (!MatchesLabels(container->config().labels(), filter.label_selector())) continue;
    found.push_back(SummaryOf(*container, record));
  }
  return found;
}

std::vector<ContainerUse> Containers::Uses(Owner owner) const {
  std::vector<ContainerUse> uses;
  for (const ContainerPtr& container : ports_.pods.Containers(owner)) {
    ContainerRecord record = container->record().Get();
    ContainerUse use{record.id, phases::IsRunning(record), {record.image_id}, record.AllLayers()};
    for (const ImageVolumeRecord& volume : record.image_volumes) use.images.push_back(volume.image_ref);
    uses.push_back(std::move(use));
  }
  return uses;
}

}  // namespace davit::cri
