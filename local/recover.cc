// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <filesystem>
#include <map>

#include "base/codec.h"
#include "local/local_containers.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;
namespace fs = std::filesystem;

struct Loaded {
  LocalRecord record;
  std::shared_ptr<api::ContainerSpec> spec = std::make_shared<api::ContainerSpec>();
};

Result<Loaded> Read(const cri::LocalRow& row) {
  Loaded loaded;
  loaded.record = TRY(Decode<LocalRecord>(row.blob, "record of container " + row.id));
  if (loaded.record.id != row.id)
    return Fail(Code::kDataLoss, "decode", "record of container " + row.id, "it has another id");
  if (!loaded.spec->ParseFromString(std::exchange(loaded.record.spec, {})))
    return Fail(Code::kDataLoss, "decode", "spec of container " + row.id);
  return loaded;
}

}  // namespace

Result<> LocalContainers::Load() {
  std::error_code made;
  fs::create_directories(ports_.directory, made);
  if (made) return SystemError("mkdir", ports_.directory, made.value());
  fs::permissions(ports_.directory, fs::perms::owner_all, made);
  for (const cri::LocalRow& row : TRY(ports_.store.Locals())) {
    Result<Loaded> loaded = Read(row);
    Result<> added = loaded ? roster_.Add(MakeContainer(std::move(loaded->record), loaded->spec))
                            : Result<>(std::unexpected(loaded.error()));
    if (added) continue;
    unreadable_.insert(row.id);
    LogProblem("local container not loaded", row.id, added.error());
  }
  return {};
}

std::set<std::string> LocalContainers::WritableLayers() const {
  std::set<std::string> layers = unreadable_;
  for (const LocalContainerPtr& container : roster_.All()) layers.insert(container->id());
  return layers;
}

Result<> LocalContainers::Begin() {
  keeper_.Watch();
  FoundRuns found = AdoptPods();
  for (const LocalContainerPtr& container : roster_.All()) {
    auto recover = [&](LocalRecord& r) {
      return Recover(r, container->spec(), found[container->id()], ports_.clock.UnixNanoseconds(),
                     ports_.clock.MonotonicMilliseconds());
    };
    container->record().TryChangeLater(recover, [](const Result<>&) {});  // the next daemon would do the same
    Schedule(*container, /*missed=*/container->run().has_value());
  }
  RemoveStrayDirectories();
  return keeper_.Begin();
}

// The pod of a container's current run has the run's number. All others are strays.
LocalContainers::FoundRuns LocalContainers::AdoptPods() {
  FoundRuns found;
  auto pods = ports_.runtime.sandboxes().List({}, cri::Owner::kLocal);
  auto containers = ports_.runtime.containers().List({}, cri::Owner::kLocal);
  if (!pods || !containers) return found;            // neither fails
  std::map<std::string, std::string> container_ids;  // by sandbox id
  for (const v1::Container& container : *containers)
    container_ids[container.pod_sandbox_id()] = container.id();
  for (const v1::PodSandbox& pod : *pods) {
    const std::string& id = pod.metadata().uid();
    if (unreadable_.contains(id)) continue;
    LocalContainerPtr container = roster_.FindId(id);
    bool current = container != nullptr && container->record().Read([&](const LocalRecord& r) {
      return HasRun(r) && r.run == pod.metadata().attempt();
    });
    if (current)
      found[id] = AdoptPod(pod.id(), container_ids[pod.id()], *container);
    else
      PlanStray(pod.id());
  }
  return found;
}

Found LocalContainers::AdoptPod(const std::string& sandbox_id, const std::string& container_id,
                                LocalContainer& container) {
  container.SetSandbox(sandbox_id);
  container.SetRun(Run{sandbox_id, container_id});
  v1::ContainerStatusRequest request;
  request.set_container_id(container_id);
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds());
  auto answer = ports_.runtime.containers().Status(request, call);
  if (!answer || answer->status().state() == v1::CONTAINER_CREATED) return {Found::kUnstarted, 0, {}};
  Found found{Found::kRunning, answer->status().started_at(), {}};
  Result<std::optional<Outcome>> outcome = OutcomeOf({sandbox_id, container_id});
  if (!outcome || !*outcome) return found;
  found.kind = Found::kEnded;
  found.outcome = **outcome;
  return found;
}

void LocalContainers::RemoveStrayDirectories() const {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(ports_.directory, failed)) {
    std::string id = entry.path().filename();
    if (roster_.FindId(id) == nullptr && !unreadable_.contains(id)) fs::remove_all(entry.path(), failed);
  }
}

}  // namespace davit::local
