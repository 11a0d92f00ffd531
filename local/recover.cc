// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "base/directory.h"
#include "local/local_containers.h"
#include "local/pod_config.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;
namespace fs = std::filesystem;

// A pod whose own record cannot be read has another namespace, and no number (recovery_load.h).
bool IsReadable(const v1::PodSandbox& pod) {
  return pod.metadata().namespace_() == kPodNamespace;
}

// Whether the pod is that of the container's current run, as far as its records can be read. What cannot be
// read goes on.
bool IsCurrent(const v1::PodSandbox& pod, const LocalContainer& container) {
  if (container.run()) return false;  // it has been found already
  return !container.unreadable().empty() || container.record().Read([&](const LocalRecord& r) {
    return HasRun(r) && (r.run == pod.metadata().attempt() || !IsReadable(pod));
  });
}

// Also one that is empty since a rotation, or one that cannot be read.
bool HasLog(const std::string& directory) {
  bool has_log = false;
  auto look = [&](const std::string& name) -> Result<> {
    struct stat status{};
    bool empty = lstat((directory + "/" + name).c_str(), &status) == 0 && status.st_size == 0;
    has_log = has_log || !empty;
    return {};
  };
  Result<UniqueFd> opened = OpenDirectory(AT_FDCWD, directory);
  return !opened || !ForEachName(opened->get(), look) || has_log;
}

}  // namespace

Result<> LocalContainers::Begin() {
  keeper_.Watch();
  FoundRuns found = AdoptPods();
  for (const LocalContainerPtr& container : roster_.All()) {
    auto recover = [&](LocalRecord& r) {
      return Recover(r, container->spec(), found[container->id()], ports_.clock.UnixNanoseconds(),
                     ports_.clock.MonotonicMilliseconds());
    };
    bool had_run = container->record().Read([](const LocalRecord& r) { return HasRun(r) && IsWanted(r); });
    container->record().TryChangeLater(recover, [](const Result<>&) {});  // the next daemon would do the same
    if (had_run && !container->record().Read(IsRunning)) NoteEnd(*container);
    TakeOverRun(*container);
    Schedule(*container, /*missed=*/container->run().has_value());
  }
  RemoveStrayDirectories();
  ReportUnknownLayers();
  return keeper_.Begin();
}

// What the daemon before knew of its health is lost. Whether it is paused, the kernel knows.
void LocalContainers::TakeOverRun(LocalContainer& container) {
  std::optional<Run> run = container.run();
  LocalRecord record = container.record().Get();
  if (!run || !IsRunning(record)) return;
  health_.BeginRun(record.id, run->container_id, container.spec().health(), record.started_at);
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds());
  container.SetPaused(ports_.runtime.containers().IsPaused(run->container_id, call).value_or(false));
  if (container.paused()) health_.Suspend(record.id);
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
    LocalContainerPtr container = roster_.FindId(id);
    if (container != nullptr && IsCurrent(pod, *container))
      found[id] = AdoptPod(pod.id(), container_ids[pod.id()], *container);
    else if (IsReadable(pod))
      PlanStray(pod.id());
  }
  return found;
}

Found LocalContainers::AdoptPod(const std::string& sandbox_id, const std::string& container_id,
                                LocalContainer& container) {
  container.SetSandbox(sandbox_id);
  container.SetRun(Run{sandbox_id, container_id});
  JoinNetwork(container, sandbox_id);
  if (!container.unreadable().empty()) (void)container.record().TryChange(AdoptRun);
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

// Of creations that were cut short. What has a log is of a container whose record is lost.
void LocalContainers::RemoveStrayDirectories() const {
  Result<UniqueFd> directory = OpenDirectory(AT_FDCWD, ports_.directory);
  if (!directory) return;
  for (const std::string& id : ListDirectory(directory->get()).value_or(std::vector<std::string>())) {
    if (roster_.FindId(id) != nullptr) continue;
    if (HasLog(DirectoryOf(id))) continue;
    std::error_code failed;
    fs::remove_all(DirectoryOf(id), failed);
  }
}

// Their files may be all that a damaged database has left of them.
void LocalContainers::ReportUnknownLayers() const {
  for (const std::string& id : ports_.snapshots.DurableLayers().value_or(std::vector<std::string>())) {
    if (roster_.FindId(id) != nullptr) continue;
    ports_.log.Log(LogLevel::kWarning, "files of an unknown local container kept",
                   {{"directory", ports_.snapshots.root() + "/durable/" + id + "/upper"}});
  }
}

}  // namespace davit::local
