// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <filesystem>
#include <map>

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

}  // namespace

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

void LocalContainers::RemoveStrayDirectories() const {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(ports_.directory, failed)) {
    std::string id = entry.path().filename();
    if (roster_.FindId(id) == nullptr) fs::remove_all(entry.path(), failed);
  }
}

}  // namespace davit::local
