// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"
#include "cri/runtime/log_file.h"
#include "cri/runtime/runtime.h"

namespace davit {

// Created: the plan is edited. Running: the cgroup as well. Only fields that are set change.
Result<v1::UpdateContainerResourcesResponse> Runtime::UpdateContainerResources(
    const v1::UpdateContainerResourcesRequest& request, Call&) {
  ContainerPtr container = TRY(pods_.FindContainer(request.container_id()));
  CgroupResources change = TRY(ResourcesFromCri(request.linux()));
  ContainerRecord record = container->record().Get();
  if (record.phase != ContainerPhase::kCreated && record.phase != ContainerPhase::kRunning) {
    return Fail(Code::kFailedPrecondition, "update container", container->id(),
                "it is neither created nor running");
  }
  if (record.phase == ContainerPhase::kRunning) {
    MutexLock lock(container->cgroup_mutex());
    TRY(host_.cgroups.Update(record.cgroup_path, change));
  }
  v1::LinuxContainerResources merged = ResourcesOf(*container);
  MergeResources(merged, request.linux());
  TRY(container->record().Change(
      [&merged](ContainerRecord& r) { r.resources = merged.SerializeAsString(); }));
  return v1::UpdateContainerResourcesResponse();
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
