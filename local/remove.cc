// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <signal.h>

#include <filesystem>

#include "local/local_containers.h"

namespace davit::local {

Result<> LocalContainers::Rename(const std::string& container, const std::string& name) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  TRY(found->CheckReadable("rename container"));
  const std::string old_name = found->name();
  TRY(roster_.Rename(*found, name));
  ports_.networks.RenameMember(found->id(), name);
  Note(*found, "rename", {{"oldName", old_name}});
  return {};
}

Result<> LocalContainers::Remove(const std::string& container, bool force, int64_t deadline_ms,
                                 AnonymousVolumes volumes) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  auto refuse_wanted = [&]() -> Result<> {
    if (!found->record().Read(IsWanted)) return {};
    const char* state = found->record().Read(IsRestarting) ? "it is restarting" : "it is running";
    return Fail(Code::kFailedPrecondition, "remove container", found->name(),
                std::string(state) + ": stop it before you remove it, or force the removal");
  };
  if (!force) TRY(refuse_wanted());
  if (force && found->record().Read(HasRun)) Note(*found, "kill", {{"signal", std::to_string(SIGKILL)}});
  if (force) TRY(StopContainer(*found, /*grace_seconds=*/0, deadline_ms));
  Result<LocalContainer::Claim> claim = found->Take(deadline_ms);
  if (!claim && claim.error().code == Code::kNotFound) return {};  // it was to be removed, too
  if (!claim) return std::unexpected(std::move(claim).error());
  TRY(CollectEnd(*found));
  TRY(refuse_wanted());  // somebody may have started it meanwhile
  TRY(found->record().TryChange([volumes](LocalRecord& r) { return BeginRemove(r, volumes); }));
  TRY(MakeRecordDurable(*found));
  return CollectEnd(*found);
}

// The record goes last: after a crash in between, it is still there to finish from. The newest file of the
// log goes first, so that a client that reads the log can tell this from a rotation. A container that removes
// itself takes its anonymous volumes with it, whoever removes it.
Result<> LocalContainers::Forget(LocalContainer& container) {
  visits_.EndForRemoval(container.id());
  TRY(RemovePodsOf(container));
  TRY(ports_.snapshots.RemoveContainer(container.id()));
  std::error_code failed;
  std::filesystem::remove(LogOf(container.id()), failed);
  std::filesystem::remove_all(DirectoryOf(container.id()), failed);
  if (failed) return SystemError("remove", DirectoryOf(container.id()), failed.value());
  LocalRecord record = container.record().Get();
  bool with_volumes = record.remove_volumes || container.spec().auto_remove();
  ports_.volumes.Release(record.id, container.volumes(),
                         with_volumes ? AnonymousVolumes::kGo : AnonymousVolumes::kStay);
  TRY(ports_.store.DeleteLocal(container.id()));
  TRY(MakeRecordDurable(container));
  removed_.Remember(record.id, record.exit_code);
  ports_.networks.RemoveMember(record.id);
  health_.Forget(record.id);
  Note(container, "destroy");
  roster_.Remove(container);
  container.SetGone();
  return container.record().Change([](LocalRecord& r) { r.gone = true; });
}

}  // namespace davit::local
