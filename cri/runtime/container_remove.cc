// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/names.h"
#include "cri/runtime/containers.h"

namespace davit::cri {

Result<v1::RemoveContainerResponse> Containers::Remove(const v1::RemoveContainerRequest& request,
                                                       Call& call) {
  Result<ContainerPtr> found = ports_.pods.FindContainer(request.container_id(), call.owner);
  if (!found && found.error().code == Code::kNotFound) return v1::RemoveContainerResponse();
  ContainerPtr container = TRY(std::move(found));
  TRY(StopProcess(container, /*grace_ms=*/0, call.deadline_ms));
  call.spans.Mark("stop");
  TRY(Forget(container));
  call.spans.Mark("forget");
  return v1::RemoveContainerResponse();
}

// The kernel's objects first, then the files, the record last: after a crash in between, the record is still
// there to finish from.
Result<> Containers::Forget(const ContainerPtr& container) {
  TRY(container->record().TryChange(phases::BeginRemove));
  ContainerRecord record = container->record().Get();
  if (!phases::IsRemoving(record))
    return Fail(Code::kFailedPrecondition, "remove container", container->id(), "it was started meanwhile");
  TRY(ports_.cleanup.RemoveCgroup(*container));
  TRY(RemoveWritableLayer(record));
  ports_.shims.RemoveExitRecord(record.id);
  TRY(ports_.records.DeleteContainer(record.id));
  container->ReleaseLayers();
  ports_.confinement.GiveLevelBack(record.id);
  ports_.announcer.Withdraw(*container);
  names_.Release(ContainerName(container->config().metadata(), record.sandbox_id), record.id);
  ports_.cleaners.Post([this] { ports_.deletions.Update(); });
  return {};
}

void Containers::RestoreName(const Container& container) {
  // A name may stand in two records: of what is in use, and of what could not be removed. The first one keeps
  // it.
  names_.Restore(ContainerName(container.config().metadata(), container.sandbox().id()),
                 FingerprintOf(container.config()), container.id());
}

}  // namespace davit::cri
