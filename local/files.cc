// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <map>

#include "base/path_components.h"
#include "local/local_containers.h"

namespace davit::local {
namespace {

// By depth, as at a start (cri/spec/mounts.h).
std::vector<RootfsMount> MountsOf(const ::runtime::v1::ContainerConfig& container) {
  std::multimap<size_t, RootfsMount> by_depth;
  for (const ::runtime::v1::Mount& mount : container.mounts())
    by_depth.emplace(PathComponents(mount.container_path()).size(),
                     RootfsMount{mount.host_path(), mount.container_path(), mount.readonly()});
  std::vector<RootfsMount> mounts;
  for (auto& [depth, mount] : by_depth) mounts.push_back(std::move(mount));
  return mounts;
}

}  // namespace

// One that runs shows its own mounts. It may end meanwhile.
Result<LocalContainers::Files> LocalContainers::OpenFiles(const std::string& container,
                                                          WithMounts with_mounts, int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  TRY(found->CheckReadable("open files of container"));
  if (std::optional<Run> run = found->run()) {
    auto visit = visits_.Begin(found->id(), Visits::Until::kStart);
    cri::Call call = LocalCall(deadline_ms);
    if (Result<UniqueFd> process = ports_.runtime.processes().Open(run->container_id, call)) {
      Files files;
      files.id = found->id();
      files.name = found->name();
      files.tree = with_mounts == WithMounts::kYes ? RootfsTree::kProcess : RootfsTree::kProcessRoot;
      files.tree_fd = std::move(*process);
      files.visit = std::move(visit);
      return files;
    }
  }
  return OpenMountedFiles(*found, with_mounts, deadline_ms);
}

// One that was never started has no layer yet.
Result<PodRequest> LocalContainers::PrepareLayer(LocalContainer& container) const {
  const LocalRecord record = container.record().Get();
  if (record.gone || record.status == Status::kRemoving)
    return Fail(Code::kNotFound, "open files of container", record.name, "it is being removed");
  PodRequest request = TRY(PodRequestOf(container.definition(), record));
  Result<> prepared = ports_.snapshots.Prepare(record.id, record.chain_ids, request.extras.kept_layer->life);
  if (!prepared && prepared.error().code != Code::kAlreadyExists) return std::unexpected(prepared.error());
  return request;
}

// With the claim nobody starts it before the visit is known.
Result<LocalContainers::Files> LocalContainers::OpenMountedFiles(LocalContainer& container,
                                                                 WithMounts with_mounts,
                                                                 int64_t deadline_ms) {
  LocalContainer::Claim claim = TRY(container.Take(deadline_ms));
  TRY(CollectEnd(container));
  const LocalRecord record = container.record().Get();
  if (HasRun(record)) {
    return Fail(Code::kUnavailable, "open files of container", record.name,
                "it is being started or ends; try again");
  }
  PodRequest request = TRY(PrepareLayer(container));
  Files files;
  files.id = record.id;
  files.name = record.name;
  files.visit = visits_.Begin(record.id, Visits::Until::kStart);
  files.tree_fd = TRY(ports_.snapshots.Mount(record.id, record.chain_ids, {}));
  files.read_only = container.spec().read_only();
  if (with_mounts == WithMounts::kNo) return files;
  files.mounts = MountsOf(request.container);
  return files;
}

// With the claim nobody removes it before the visit is known.
Result<LocalContainers::Changes> LocalContainers::OpenChanges(const std::string& container,
                                                              int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  TRY(found->CheckReadable("open files of container"));
  LocalContainer::Claim claim = TRY(found->Take(deadline_ms));
  const LocalRecord record = found->record().Get();
  Changes changes;
  changes.id = record.id;
  changes.image_id = record.image_id;
  changes.spec = found->spec();
  changes.command_line = found->command_line();
  changes.visit = visits_.Begin(record.id, Visits::Until::kRemoval);
  TRY(PrepareLayer(*found));
  changes.changes = TRY(ports_.snapshots.OpenChanges(record.id));
  if (!record.chain_ids.empty()) changes.base = TRY(ports_.snapshots.MountImage(record.chain_ids, {}));
  return changes;
}

}  // namespace davit::local
