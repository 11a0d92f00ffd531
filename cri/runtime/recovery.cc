// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/recovery.h"

#include <set>
#include <utility>

namespace davit::cri {

Result<> Recovery::Run(std::chrono::milliseconds patience, const std::set<std::string>& kept_layers) {
  RecordLoader loader({ports_.cgroups, ports_.pods, ports_.records, ports_.images, ports_.confinement,
                       ports_.containers, ports_.sandboxes, ports_.clock});
  std::vector<SandboxPtr> sandboxes = TRY(loader.Load());
  ports_.announcer.RememberAnnounced();
  RecoverNetwork(sandboxes, loader);
  std::set<std::string> known;
  for (const SandboxPtr& sandbox : sandboxes) known.insert(sandbox->id());
  size_t strays = ports_.shims.EndStrays(known);
  CollectOrphans(known, kept_layers);
  CollectCgroups(sandboxes);

  meeting_ = std::make_unique<RecoveryMeeting>(RecoveryMeeting::Ports{
      ports_.shims, ports_.pods, ports_.watch, ports_.containers, ports_.sandboxes, ports_.log});
  MeetingCounts counts = meeting_->Meet(sandboxes, patience);
  LogSummary(sandboxes.size(), counts, strays, loader);
  ports_.shims.Refill(std::chrono::milliseconds(0));
  return {};
}

// A pod whose network cannot be taken over is quarantined; all others go on.
void Recovery::RecoverNetwork(const std::vector<SandboxPtr>& sandboxes, RecordLoader& loader) {
  std::vector<RecordedPod> pods;
  for (const SandboxPtr& sandbox : sandboxes) pods.push_back({sandbox->config(), sandbox->record().Get()});
  std::map<std::string, Error> problems = ports_.network.Recover(pods);
  for (const SandboxPtr& sandbox : sandboxes) {
    auto problem = problems.find(sandbox->id());
    if (problem != problems.end()) loader.Quarantine(sandbox, problem->second.ToString());
  }
}

void Recovery::CollectOrphans(const std::set<std::string>& sandboxes, std::set<std::string> writable_layers) {
  for (const ContainerPtr& container : ports_.pods.Containers()) {
    writable_layers.insert(
        container->record().Read([](const ContainerRecord& r) { return r.WritableLayer(); }));
  }
  if (Result<> collected = ports_.snapshots.Collect(ports_.images.LiveLayers(), writable_layers);
      !collected) {
    ports_.log.Log(LogLevel::kWarning, "unused layers not collected",
                   {{"error", collected.error().ToString()}});
  }
  ports_.files.RemoveUnknown([&](const std::string& id) { return sandboxes.contains(id); });
}

// One is left if its record was removed first, or if systemd has made a slice after the daemon had given up.
void Recovery::CollectCgroups(const std::vector<SandboxPtr>& sandboxes) {
  std::set<std::string> known;
  for (const SandboxPtr& sandbox : sandboxes)
    known.insert(sandbox->record().Read([](const SandboxRecord& r) { return r.cgroup_parent; }));
  for (const std::string& parent : ports_.cgroups.placement().OwnPodParents()) {
    if (Result<> removed = RemoveUnknownCgroups(parent, known); !removed) {
      ports_.log.Log(LogLevel::kWarning, "cgroups of unknown pods not removed",
                     {{"parent", parent}, {"error", removed.error().ToString()}});
    }
  }
}

// A cgroup that has processes stays, because it is not known whose they are. Returns the first error, after
// it has tried to remove each of the others.
Result<> Recovery::RemoveUnknownCgroups(const std::string& parent, const std::set<std::string>& known) {
  Result<> first;
  for (const std::string& name : TRY(ports_.cgroups.Children(parent))) {
    std::string path = parent + "/" + name;
    if (known.contains(path)) continue;
    Result<bool> populated = ports_.cgroups.Populated(path);
    Result<> removed;
    if (!populated)
      removed = std::unexpected(std::move(populated).error());
    else if (!*populated)
      removed = ports_.cgroups.Remove(path);
    if (first && !removed) first = std::move(removed);
  }
  return first;
}

void Recovery::LogSummary(size_t pods, const MeetingCounts& counts, size_t strays,
                          const RecordLoader& loader) const {
  for (const auto& [id, reason] : loader.quarantined())
    ports_.log.Log(LogLevel::kError, "sandbox quarantined", {{"sandbox", id}, {"error", reason}});
  for (const RecordLoader::RowSetAside& row : loader.set_aside())
    ports_.log.Log(LogLevel::kError, "row set aside",
                   {{"kind", row.kind}, {"id", row.id}, {"error", row.reason}});
  ports_.log.Log(LogLevel::kInfo, "recovered",
                 {{"pods", std::to_string(pods)},
                  {"met", std::to_string(counts.met)},
                  {"gone", std::to_string(counts.gone)},
                  {"stopped", std::to_string(counts.stopped)},
                  {"silent", std::to_string(counts.silent)},
                  {"quarantined", std::to_string(loader.quarantined().size())},
                  {"set-aside", std::to_string(loader.set_aside().size())},
                  {"stray-shims", std::to_string(strays)}});
}

}  // namespace davit::cri
