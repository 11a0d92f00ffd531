// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// container prune and system prune.
#include "cli/prune.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "cli/confirm.h"
#include "cli/containers.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

// One whose record the daemon cannot read, which has no image, is kept for a daemon that can.
bool IsStopped(const api::Container& container) {
  api::ContainerState::Status status = container.state().status();
  bool ended = status == api::ContainerState::CREATED || status == api::ContainerState::EXITED;
  return ended && !container.spec().image().empty();
}

// What has been removed so far, also if something cannot be.
struct Pruned {
  std::vector<std::string> containers = {};  // ids
  std::optional<api::PruneNetworksResponse> networks = {};
  std::optional<api::PruneVolumesResponse> volumes = {};
  std::optional<api::PruneImagesResponse> images = {};
};

Result<> PruneContainers(const Session& session, Pruned& pruned) {
  for (const api::Container& container : TRY(ListContainers(session.daemon, /*all=*/true))) {
    if (!IsStopped(container)) continue;
    Result<> removed = RemoveContainer(session, container.id(), /*force=*/false);
    if (removed) pruned.containers.push_back(container.id());
    // Somebody has started or removed it meanwhile.
    bool changed = !removed && (removed.error().code == Code::kFailedPrecondition ||
                                removed.error().code == Code::kNotFound);
    if (!removed && !changed) return removed;
  }
  return {};
}

// Containers first: what they have used is unused then.
Result<> PruneAll(const Session& session, const SystemPruneOptions& options, Pruned& pruned) {
  TRY(PruneContainers(session, pruned));
  pruned.networks =
      TRY(session.daemon.Call(&NetworkStub::Prune, api::PruneNetworksRequest(), CallMode::kShielded));
  if (options.volumes)
    pruned.volumes =
        TRY(session.daemon.Call(&VolumeStub::Prune, api::PruneVolumesRequest(), CallMode::kPatient));
  api::PruneImagesRequest images;
  images.set_all(options.all);
  pruned.images = TRY(session.daemon.Call(&OwnImageStub::Prune, images));
  return {};
}

std::string ContainersText(const std::vector<std::string>& ids) {
  if (ids.empty()) return "";
  std::string text = "Deleted Containers:\n";
  for (const std::string& id : ids) text += Printable(id) + "\n";
  return text + "\n";
}

Result<> Print(const Session& session, const Pruned& pruned) {
  if (session.console.format == OutputFormat::kJson) {
    json document = {{"containers", pruned.containers}};
    if (pruned.networks)
      document["networks"] =
          std::vector(pruned.networks->removed().begin(), pruned.networks->removed().end());
    if (pruned.volumes) document["volumes"] = PrunedDocument(*pruned.volumes);
    if (pruned.images) document["images"] = PrunedDocument(*pruned.images);
    return session.console.PrintJson(document);
  }
  std::string text = ContainersText(pruned.containers);
  uint64_t bytes = 0;
  if (pruned.networks) text += PrunedText(*pruned.networks);
  if (pruned.volumes) {
    text += PrunedText(*pruned.volumes);
    bytes += pruned.volumes->reclaimed_bytes();
  }
  if (pruned.images) {
    text += PrunedText(*pruned.images);
    bytes += pruned.images->reclaimed_bytes();
    text += "Total reclaimed space: " + SizeText(bytes) + "\n";
  }
  return session.console.Print(text);
}

std::string WarningOf(const SystemPruneOptions& options) {
  std::string warning =
      "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one "
      "container\n";
  if (options.volumes) warning += "  - all anonymous volumes not used by at least one container\n";
  return warning + (options.all
                        ? "  - all images without at least one container associated to them, and what "
                          "unfinished pulls have left\n"
                        : "  - all images without a tag that no container uses, except those that were "
                          "pulled by digest\n");
}

}  // namespace

std::string PrunedText(const api::PruneNetworksResponse& answer) {
  if (answer.removed().empty()) return "";
  std::string text = "Deleted Networks:\n";
  for (const std::string& name : answer.removed()) text += Printable(name) + "\n";
  return text + "\n";
}

Result<int> Perform(const Session& session, const ContainerPruneOptions& options) {
  const char* warning = "WARNING! This will remove all stopped containers.\n";
  if (!options.force && !TRY(Confirm(session, "container prune", warning))) return 0;
  Pruned pruned;
  Result<> done = PruneContainers(session, pruned);
  TRY(Print(session, pruned));
  TRY(std::move(done));
  return 0;
}

Result<int> Perform(const Session& session, const SystemPruneOptions& options) {
  if (!options.force && !TRY(Confirm(session, "system prune", WarningOf(options)))) return 0;
  Pruned pruned;
  Result<> done = PruneAll(session, options, pruned);
  TRY(Print(session, pruned));
  TRY(std::move(done));
  return 0;
}

}  // namespace davit::cli
