// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"
#include "cri/runtime/log_file.h"
#include "cri/runtime/runtime.h"

namespace davit {
namespace {

std::string UpdatedResources(const Container& container, const ContainerRecord& record,
                             const v1::LinuxContainerResources& change) {
  v1::LinuxContainerResources merged = RecordedResources(container.config(), record);
  MergeResources(merged, change);
  return merged.SerializeAsString();
}

}  // namespace

// Only fields that are set change. A created container is started with them. A running one has them in its
// cgroup before they are recorded, so that the record never claims what the kernel refused.
Result<v1::UpdateContainerResourcesResponse> Runtime::UpdateContainerResources(
    const v1::UpdateContainerResourcesRequest& request, Call& call) {
  ContainerPtr container = TRY(pods_.FindContainer(request.container_id()));
  CgroupResources change = TRY(ResourcesFromCri(request.linux()));
  if (TRY(UpdatePlannedResources(*container, request.linux()))) return v1::UpdateContainerResourcesResponse();
  auto started = [](const ContainerRecord& r) { return r.phase != ContainerPhase::kStarting; };
  if (!container->record().WaitUntil(started, call.deadline_ms)) {
    return Fail(Code::kDeadlineExceeded, "update container", container->id(), "it is still being started");
  }
  MutexLock lock(container->cgroup_mutex());
  ContainerRecord record = container->record().Get();
  if (record.phase != ContainerPhase::kRunning) {
    return Fail(Code::kFailedPrecondition, "update container", container->id(),
                "it is neither created nor running");
  }
  TRY(host_.cgroups.Update(record.cgroup_path, change));
  TRY(container->record().Change(
      [&](ContainerRecord& r) { r.resources = UpdatedResources(*container, r, request.linux()); }));
  return v1::UpdateContainerResourcesResponse();
}

// False when it is not a mere plan any more. In one step with the check: a start that comes next uses the
// result.
Result<bool> Runtime::UpdatePlannedResources(Container& container,
                                             const v1::LinuxContainerResources& change) {
  bool planned = false;
  TRY(container.record().TryChange([&](ContainerRecord& r) {
    planned = r.phase == ContainerPhase::kCreated;
    if (planned) r.resources = UpdatedResources(container, r, change);
    return planned;
  }));
  return planned;
}

Result<v1::ReopenContainerLogResponse> Runtime::ReopenContainerLog(
    const v1::ReopenContainerLogRequest& request, Call& call) {
  ContainerPtr container = TRY(pods_.FindContainer(request.container_id()));
  if (container->phase() != ContainerPhase::kRunning) {
    return Fail(Code::kFailedPrecondition, "reopen log of container", container->id(), "it is not running");
  }
  std::shared_ptr<ShimLink> link = TRY(LinkOf(container->sandbox()));
  UniqueFd log = TRY(OpenLog(container->sandbox().config().log_directory(), container->config().log_path()));
  int fds[] = {log.get()};
  TRY(link->Call(ShimMessage::kReopenLog, Encode(ReopenLog{container->id()}), fds, call.deadline_ms));
  return v1::ReopenContainerLogResponse();
}

// The kubelet sends the overhead apart from the pod's resources and writes the sum itself as well; writing
// the sum here makes both the same whichever comes first.
Result<v1::UpdatePodSandboxResourcesResponse> Runtime::UpdatePodSandboxResources(
    const v1::UpdatePodSandboxResourcesRequest& request, Call&) {
  SandboxPtr sandbox = TRY(pods_.FindSandbox(request.pod_sandbox_id()));
  if (!sandbox->ready()) {
    return Fail(Code::kFailedPrecondition, "update sandbox", sandbox->id(), "the sandbox is not ready");
  }
  v1::LinuxContainerResources sum = AddOverhead(request.resources(), request.overhead());
  CgroupResources change = TRY(ResourcesFromCri(sum));
  TRY(host_.cgroups.Update(sandbox->record().Get().cgroup_parent, change));
  return v1::UpdatePodSandboxResourcesResponse();
}

}  // namespace davit
