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
    Result<> added = loaded ? roster_.Add(MakeContainer(loaded->record, loaded->spec))
                            : Result<>(std::unexpected(loaded.error()));
    if (added) {
      ports_.volumes.Adopt(loaded->record.id, loaded->record.volumes);
      continue;
    }
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

void LocalContainers::Begin() {
  keeper_.Begin();
  AdoptPods();
  for (const LocalContainerPtr& container : roster_.All()) SettleAfterBoot(*container);
  RemoveStrayDirectories();
}

// A pod whose container still runs goes on. All others are removed: those of containers that have ended after
// their end was recorded, and those that no record knows at once.
void LocalContainers::AdoptPods() {
  auto pods = ports_.runtime.sandboxes().List({}, cri::Owner::kLocal);
  if (!pods) return LogProblem("local pods not listed", "", pods.error());
  for (const v1::PodSandbox& pod : *pods) {
    const std::string& id = pod.metadata().uid();
    if (unreadable_.contains(id)) continue;
    if (LocalContainerPtr container = roster_.FindId(id)) {
      AdoptPod(pod.id(), *container);
      continue;
    }
    if (Result<> removed = RemovePod(pod.id()); !removed)
      LogProblem("stray local pod not removed", pod.id(), removed.error());
  }
}

void LocalContainers::AdoptPod(const std::string& sandbox_id, LocalContainer& container) {
  v1::ContainerFilter filter;
  filter.set_pod_sandbox_id(sandbox_id);
  auto containers = ports_.runtime.containers().List(filter, cri::Owner::kLocal);
  bool has_one = containers && containers->size() == 1;
  bool runs = has_one && (containers->front().state() == v1::CONTAINER_RUNNING ||
                          containers->front().state() == v1::CONTAINER_UNKNOWN);
  bool ended = has_one && containers->front().state() == v1::CONTAINER_EXITED;
  // The daemon has ended before it recorded the start.
  if (runs && !container.run())
    (void)container.record().TryChange(
        [this](LocalRecord& r) { return !IsRunning(r) && Started(r, ports_.clock.UnixNanoseconds()); });
  if ((runs || ended) && !container.run() && container.record().Read(IsRunning))
    return container.SetRun(Run{sandbox_id, containers->front().id()});
  if (Result<> removed = RemovePod(sandbox_id); !removed)
    LogProblem("local pod not removed", container.id(), removed.error());
}

void LocalContainers::SettleAfterBoot(LocalContainer& container) {
  auto record = container.record().Get();
  if (record.status == Status::kRemoving || record.making) {
    AnonymousVolumes volumes = record.making ? AnonymousVolumes::kGo : AnonymousVolumes::kStay;
    if (Result<> forgotten = Forget(container, volumes); !forgotten)
      LogProblem("container not removed yet", container.id(), forgotten.error());
    return;
  }
  if (container.run()) return keeper_.Post([this, id = container.id()] { OnEnd(id); });  // unless it runs
  (void)container.record().TryChange([this](LocalRecord& r) {
    return NoteOutcome(r, {ports_.clock.UnixNanoseconds(), kLostExitCode, /*oom_killed=*/false,
                           "its pod was lost, and how it has ended is not known"});
  });
  bool ended = false;
  (void)container.record().TryChange([&ended](LocalRecord& r) { return ended = Settle(r); });
  if (ended && container.spec().auto_remove()) {
    if (Result<> forgotten = Forget(container, AnonymousVolumes::kGo); !forgotten)
      LogProblem("container not removed yet", container.id(), forgotten.error());
    return;
  }
  auto pause = container.record().Read(
      [&](const LocalRecord& r) { return PauseAfterBoot(container.spec().restart(), r); });
  if (!pause) return;
  // The policy must not start what somebody has stopped, except now.
  (void)container.record().TryChange([](LocalRecord& r) { return std::exchange(r.stopped, false); });
  if (Result<> set = keeper_.RestartAfter(container.id(), *pause); !set)
    LogProblem("container is not started again", container.id(), set.error());
}

void LocalContainers::RemoveStrayDirectories() const {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(ports_.directory, failed)) {
    std::string id = entry.path().filename();
    if (roster_.FindId(id) == nullptr && !unreadable_.contains(id)) fs::remove_all(entry.path(), failed);
  }
}

}  // namespace davit::local
