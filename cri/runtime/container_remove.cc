// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/runtime.h"

namespace davit {

Result<v1::RemoveContainerResponse> Runtime::RemoveContainer(const v1::RemoveContainerRequest& request,
                                                             Call& call) {
  Result<ContainerPtr> found = pods_.FindContainer(request.container_id());
  if (!found && found.error().code == Code::kNotFound) return v1::RemoveContainerResponse();
  ContainerPtr container = TRY(std::move(found));
  TRY(StopProcess(container, /*grace_ms=*/0, call.deadline_ms));
  call.spans.Mark("stop");
  TRY(ForgetContainer(container));
  call.spans.Mark("forget");
  return v1::RemoveContainerResponse();
}

// The kernel's objects first, then the files, the record last: after a crash in between, the record is still
// there to finish from.
Result<> Runtime::ForgetContainer(const ContainerPtr& container) {
  bool removing = false;
  TRY(container->record().TryChange([&removing](ContainerRecord& r) {
    removing = r.phase == ContainerPhase::kCreated || r.phase == ContainerPhase::kExited;
    if (removing) r.phase = ContainerPhase::kRemoving;
    return removing;
  }));
  ContainerRecord record = container->record().Get();
  if (!removing && record.phase != ContainerPhase::kRemoving) {
    return Fail(Code::kFailedPrecondition, "remove container", container->id(), "it was started meanwhile");
  }
  TRY(RemoveCgroupOf(*container));
  TRY(host_.snapshotter.RemoveContainer(record.id));
  host_.shims.RemoveExitRecord(record.id);
  TRY(host_.records.DeleteContainer(record.id));
  if (removing) host_.images.ReleaseLayers(record.AllLayers());
  levels_.GiveBack(record.id);
  Withdraw(*container);
  container_names_.Release(ContainerName(container->config().metadata(), record.sandbox_id), record.id);
  janitor_.Post([this] { LogDeletionProblems(); });
  return {};
}

// Files are deleted some time after their container; what stays undeletable is said once, by the removal of
// a later one.
void Runtime::LogDeletionProblems() {
  MutexLock lock(logging_problems_);
  for (const Error& problem : host_.snapshotter.DeletionProblems()) {
    std::string text = problem.ToString();
    if (logged_problems_.insert(text).second)
      host_.log.Log(LogLevel::kWarning, "files not deleted", {{"error", text}});
  }
}

}  // namespace davit
