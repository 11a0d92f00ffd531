// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"
#include "local/spec_update.h"

namespace davit::local {

namespace v1 = ::runtime::v1;

// A run gets its limits before they are recorded: the record never claims what the kernel has refused.
Result<> LocalContainers::Update(const std::string& container, const api::ContainerUpdate& update,
                                 int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  TRY(found->CheckReadable("update container"));
  LocalContainer::Claim claim = TRY(found->Take(deadline_ms));
  const LocalRecord record = found->record().Get();
  TRY(CheckUpdate(SpecInForce(found->spec(), record), update));
  std::optional<Run> run = found->run();
  v1::UpdateContainerResourcesRequest request;
  *request.mutable_linux() = LimitsOf(update);
  if (run && IsRunning(record) && request.linux().ByteSizeLong() > 0) {
    request.set_container_id(run->container_id);
    cri::Call call = LocalCall(deadline_ms);
    if (auto updated = ports_.runtime.containers().UpdateResources(request, call); !updated)
      return std::unexpected(AboutContainer(std::move(updated).error()));
  }
  bool noted = false;
  TRY(found->record().TryChange(
      [&](LocalRecord& r) { return noted = NoteUpdate(r, found->spec(), AddUpdate(r, update)); }));
  if (!noted)
    return Fail(Code::kFailedPrecondition, "update container", found->name(), "it is being removed");
  Note(*found, "update");
  return MakeRecordDurable(*found);
}

}  // namespace davit::local
