// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/names.h"
#include "cri/runtime/sandboxes.h"

namespace davit::cri {

Result<v1::RemovePodSandboxResponse> Sandboxes::Remove(const v1::RemovePodSandboxRequest& request,
                                                       Call& call) {
  Result<SandboxPtr> found = ports_.pods.FindSandbox(request.pod_sandbox_id(), call.owner);
  if (!found && found.error().code == Code::kNotFound) return v1::RemovePodSandboxResponse();
  SandboxPtr sandbox = TRY(std::move(found));
  TRY(sandbox->record().TryChange(phases::BeginStop));
  TRY(Release(sandbox, call.deadline_ms, call.spans));
  for (const ContainerPtr& container : ports_.pods.ContainersOf(sandbox->id()))
    TRY(ports_.containers.Forget(container));
  call.spans.Mark("containers");
  TRY(Forget(sandbox));
  call.spans.Mark("forget");
  return v1::RemovePodSandboxResponse();
}

Result<> Sandboxes::Forget(const SandboxPtr& sandbox) {
  ports_.files.Remove(sandbox->id());
  TRY(ports_.records.DeleteSandbox(sandbox->id()));
  ports_.network.GiveBack(sandbox->record().Get());  // unless Release did
  ports_.confinement.GiveLevelBack(sandbox->id());
  ports_.announcer.Withdraw(*sandbox);
  NamesOf(sandbox->owner()).Release(SandboxName(sandbox->config().metadata()), sandbox->id());
  return {};
}

}  // namespace davit::cri
