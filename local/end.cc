// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kOomReason[] = "OOMKilled";
// How long the removal of a pod may take before a later start, stop or removal of the container tries again.
constexpr int64_t kRemovalMs = 30'000;

}  // namespace

Result<std::optional<Outcome>> LocalContainers::OutcomeOf(const Run& run) const {
  v1::ContainerStatusRequest request;
  request.set_container_id(run.container_id);
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds());
  auto answer = ports_.runtime.containers().Status(request, call);
  if (!answer && answer.error().code == Code::kNotFound)
    return Outcome{ports_.clock.UnixNanoseconds(), kLostExitCode, /*oom_killed=*/false, "its pod was lost"};
  const v1::ContainerStatus status = TRY(std::move(answer)).status();
  if (status.state() != v1::CONTAINER_EXITED) return std::optional<Outcome>();
  return Outcome{status.finished_at(), status.exit_code(), status.reason() == kOomReason, status.message()};
}

// The outcome first: after a crash in the middle, it is not lost. The status last: once the container has
// ended, its ports and its address are free.
Result<> LocalContainers::CollectEnd(LocalContainer& container, int64_t deadline_ms) {
  LocalContainer::Claim claim = TRY(container.Take(deadline_ms));
  std::optional<Run> run = container.run();
  if (!run || !container.record().Read(IsRunning)) return {};
  std::optional<Outcome> outcome = TRY(OutcomeOf(*run));
  if (!outcome) return {};
  (void)container.record().TryChange([&](LocalRecord& r) { return NoteOutcome(r, *outcome); });
  if (Result<> removed = RemovePod(run->sandbox_id); !removed)
    LogProblem("pod not removed", container.id(), removed.error());
  container.SetRun(std::nullopt);
  (void)container.record().TryChange(Settle);
  if (container.spec().auto_remove()) return Forget(container, AnonymousVolumes::kGo);
  RestartLater(container);
  return {};
}

void LocalContainers::RestartLater(LocalContainer& container) {
  auto pause = container.record().Read(
      [&](const LocalRecord& r) { return PauseBeforeRestart(container.spec().restart(), r); });
  if (!pause) return;
  if (Result<> set = keeper_.RestartAfter(container.id(), *pause); !set)
    LogProblem("container is not started again", container.id(), set.error());
}

Result<> LocalContainers::RemovePod(const std::string& sandbox_id) const {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds() + kRemovalMs);
  TRY(ports_.runtime.sandboxes().Remove(request, call));
  return {};
}

Result<> LocalContainers::RemovePodsOf(const LocalContainer& container) const {
  for (const v1::PodSandbox& pod : TRY(ports_.runtime.sandboxes().List({}, cri::Owner::kLocal)))
    if (pod.metadata().uid() == container.id()) TRY(RemovePod(pod.id()));
  return {};
}

void LocalContainers::OnEnd(const std::string& id) {
  LocalContainerPtr container = roster_.FindId(id);
  if (container == nullptr) return;
  if (Result<> collected = CollectEnd(*container, cri::OperationDeadline()); !collected)
    LogProblem("end of a container not collected", id, collected.error());
}

void LocalContainers::OnMissed() {
  for (const LocalContainerPtr& container : roster_.All()) OnEnd(container->id());
}

// After a failure the policy decides again, as after a run that has ended at once.
void LocalContainers::OnRestart(const std::string& id) {
  LocalContainerPtr container = roster_.FindId(id);
  if (container == nullptr) return;
  Result<> started = StartContainer(*container, StartedBy::kPolicy, cri::OperationDeadline());
  if (started) return;
  LogProblem("container not started again", id, started.error());
  RestartLater(*container);
}

void LocalContainers::LogProblem(const char* what, const std::string& id, const Error& error) const {
  ports_.log.Log(LogLevel::kWarning, what, {{"container", id}, {"error", error.ToString()}});
}

}  // namespace davit::local
