// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/resources.h"
#include "cri/pods/resources.h"
#include "cri/runtime/containers.h"
#include "cri/runtime/log_file.h"

namespace davit::cri {
namespace {

std::string UpdatedResources(const Container& container, const ContainerRecord& record,
                             const v1::LinuxContainerResources& change) {
  v1::LinuxContainerResources merged = RecordedResources(container.config(), record);
  MergeResources(merged, change);
  return merged.SerializeAsString();
}

// Returns false if the container is not a mere plan any more. In one step with the check: a start that comes
// next uses the result.
Result<bool> UpdatePlannedResources(Container& container, const v1::LinuxContainerResources& change) {
  bool planned = false;
  TRY(container.record().TryChange([&](ContainerRecord& r) {
    planned = phases::IsPlanned(r);
    if (planned) r.resources = UpdatedResources(container, r, change);
    return planned;
  }));
  return planned;
}

}  // namespace

// Only fields that are set change. A created container is started with them. A running one has them in its
// cgroup before they are recorded, so that the record never claims what the kernel refused.
Result<v1::UpdateContainerResourcesResponse> Containers::UpdateResources(
    const v1::UpdateContainerResourcesRequest& request, Call& call) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), call.owner));
  CgroupResources change = TRY(ResourcesFromCri(request.linux()));
  if (TRY(UpdatePlannedResources(*container, request.linux()))) return v1::UpdateContainerResourcesResponse();
  auto settled = [](const ContainerRecord& r) { return !phases::IsStarting(r); };
  if (!container->record().WaitUntil(settled, call.deadline_ms, ports_.clock))
    return Fail(Code::kDeadlineExceeded, "update container", container->id(), "it is still being started");
  MutexLock lock(container->cgroup_mutex());
  ContainerRecord record = container->record().Get();
  if (!phases::IsRunning(record)) {
    return Fail(Code::kFailedPrecondition, "update container", container->id(),
                "it is neither created nor running");
  }
  TRY(ports_.cgroups.Update(record.cgroup_path, change));
  TRY(container->record().Change(
      [&](ContainerRecord& r) { r.resources = UpdatedResources(*container, r, request.linux()); }));
  return v1::UpdateContainerResourcesResponse();
}

Result<v1::ReopenContainerLogResponse> Containers::ReopenLog(const v1::ReopenContainerLogRequest& request,
                                                             Call& call) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), call.owner));
  if (!container->running())
    return Fail(Code::kFailedPrecondition, "reopen log of container", container->id(), "it is not running");
  ShimPtr shim = TRY(container->sandbox().LiveShim());
  UniqueFd log = TRY(OpenLog(container->sandbox().config().log_directory(), container->config().log_path()));
  TRY(shim->ReopenLog(container->id(), log.get(), call.deadline_ms));
  return v1::ReopenContainerLogResponse();
}

}  // namespace davit::cri
