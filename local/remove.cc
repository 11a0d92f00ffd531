// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <filesystem>

#include "local/local_containers.h"

namespace davit::local {

Result<> LocalContainers::Rename(const std::string& container, const std::string& name) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  return roster_.Rename(*found, name);
}

Result<> LocalContainers::Remove(const std::string& container, bool force, int64_t deadline_ms,
                                 AnonymousVolumes volumes) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  auto has_run = [&] { return found->record().Read(IsRunning) || found->run().has_value(); };
  if (!force && has_run()) {
    return Fail(Code::kFailedPrecondition, "remove container", found->name(),
                "it is running: stop it before you remove it, or force the removal");
  }
  if (force) TRY(StopContainer(*found, /*grace_seconds=*/0, deadline_ms));
  LocalContainer::Claim claim = TRY(found->Take(deadline_ms));
  if (found->record().Read(IsRunning)) {
    return Fail(Code::kFailedPrecondition, "remove container", found->name(), "it was started meanwhile");
  }
  return Forget(*found, volumes);
}

// The record goes last: after a crash in between, it is still there to finish from.
Result<> LocalContainers::Forget(LocalContainer& container, AnonymousVolumes volumes) {
  if (container.record().Read([](const LocalRecord& r) { return r.gone; })) return {};
  bool with_volumes = volumes == AnonymousVolumes::kGo || container.spec().auto_remove();
  TRY(container.record().TryChange([with_volumes](LocalRecord& r) {
    bool more = with_volumes && !r.volumes.empty() && !r.remove_volumes;
    if (more) r.remove_volumes = true;
    return BeginRemove(r) || more;
  }));
  TRY(RemovePodsOf(container));
  TRY(ports_.snapshots.RemoveContainer(container.id()));
  std::error_code failed;
  std::filesystem::remove_all(DirectoryOf(container.id()), failed);
  if (failed) return SystemError("remove", DirectoryOf(container.id()), failed.value());
  LocalRecord record = container.record().Get();
  ports_.volumes.Release(record.id, record.volumes,
                         record.remove_volumes ? AnonymousVolumes::kGo : AnonymousVolumes::kStay);
  TRY(ports_.store.DeleteLocal(container.id()));
  removed_.Remember(record.id, record.exit_code);
  roster_.Remove(container);
  container.ReleaseLayers();
  return container.record().Change([](LocalRecord& r) { r.gone = true; });
}

}  // namespace davit::local
