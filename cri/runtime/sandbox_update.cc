// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/resources.h"
#include "cri/pods/resources.h"
#include "cri/runtime/sandboxes.h"

namespace davit::cri {

// The kubelet sends the overhead apart from the pod's resources and writes the sum itself as well; writing
// the sum here makes both the same whichever comes first.
Result<v1::UpdatePodSandboxResourcesResponse> Sandboxes::UpdateResources(
    const v1::UpdatePodSandboxResourcesRequest& request, Call& call) {
  SandboxPtr sandbox = TRY(ports_.pods.FindSandbox(request.pod_sandbox_id(), call.owner));
  if (!sandbox->ready())
    return Fail(Code::kFailedPrecondition, "update sandbox", sandbox->id(), "the sandbox is not ready");
  v1::LinuxContainerResources sum = AddOverhead(request.resources(), request.overhead());
  CgroupResources change = TRY(ResourcesFromCri(sum));
  TRY(ports_.cgroups.Update(sandbox->record().Get().cgroup_parent, change));
  return v1::UpdatePodSandboxResourcesResponse();
}

}  // namespace davit::cri
