// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kOomReason[] = "OOMKilled";
// How long one attempt to remove a pod may take.
constexpr int64_t kRemovalMs = 30'000;
// Before another look at a container whose outcome cannot be read.
constexpr int64_t kAgainMs = 1'000;
// Between looks at a log, as often as the kubelet looks.
constexpr int64_t kLogsMs = 10'000;
// Between attempts to remove a pod of no container.
constexpr Backoff kStrayPauses(std::chrono::seconds(1), std::chrono::minutes(1));

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

// Each step is recorded before the next one begins: after a crash in the middle, the next daemon continues.
// Once the container has ended, its ports and its address are free.
Result<> LocalContainers::CollectEnd(LocalContainer& container) {
  Result<> recorded;
  if (std::optional<Run> run = container.run(); run && container.record().Read(IsRunning)) {
    std::optional<Outcome> outcome = TRY(OutcomeOf(*run));
    if (!outcome) return {};
    recorded = container.record().TryChange([&](LocalRecord& r) {
      return NoteOutcome(r, container.spec(), *outcome, ports_.clock.MonotonicMilliseconds());
    });
    NoteEnd(container);
  } else if (container.record().Read(DueOf).again) {
    recorded = container.record().Change([](LocalRecord&) {});  // its last write may have failed
  }
  auto remove = [&]() -> Result<> {
    TRY(recorded);
    if (container.record().Read(DueOf).step == Step::kEnd) {
      health_.EndRun(container.id());
      TRY(RemovePodsOf(container));
      container.SetRun(std::nullopt);
      (void)container.record().TryChange(
          [this](LocalRecord& r) { return Settle(r, ports_.clock.MonotonicMilliseconds()); });
    }
    if (container.record().Read(DueOf).step == Step::kRemove) TRY(Forget(container));
    return {};
  };
  Result<> removed = Guarded("remove", "pod", remove);
  if (removed) return {};
  (void)container.record().TryChange([&](LocalRecord& r) {
    return NotRemoved(r, removed.error().ToString(), ports_.clock.MonotonicMilliseconds());
  });
  return removed;
}

Result<> LocalContainers::RemovePod(const std::string& sandbox_id) const {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds() + kRemovalMs);
  TRY(ports_.runtime.sandboxes().Remove(request, call));
  return {};
}

// A sandbox that could not be made may have left one of which only the container's id is known.
Result<> LocalContainers::RemovePodsOf(LocalContainer& container) const {
  ports_.networks.Leave(container.id());
  std::vector<std::string> ids;
  if (std::optional<std::string> known = container.sandbox()) {
    if (!known->empty()) ids.push_back(*known);
  } else {
    for (const v1::PodSandbox& pod : TRY(ports_.runtime.sandboxes().List({}, cri::Owner::kLocal)))
      if (pod.metadata().uid() == container.id()) ids.push_back(pod.id());
  }
  for (const std::string& id : ids) TRY(RemovePod(id));
  container.SetSandbox("");
  return {};
}

// Called after each operation on the container. What the operation has not done is left to the keeper.
void LocalContainers::Schedule(const LocalContainer& container, bool missed) {
  if (missed) keeper_.LookAt(Lane::kEnds, container.id(), /*at_ms=*/0);
  if (container.record().Read(IsRunning)) {
    int64_t round = ports_.clock.MonotonicMilliseconds() / kLogsMs + 1;  // of all containers at once
    keeper_.LookAt(Lane::kLogs, container.id(), round * kLogsMs);
  }
  Due due = container.record().Read(DueOf);
  if (due.step == Step::kNone) return;
  Lane lane = due.step == Step::kStart ? Lane::kStarts : due.again ? Lane::kRetries : Lane::kEnds;
  keeper_.LookAt(lane, container.id(), due.at_ms);
}

// Never waits for another operation on the container: that one ends with Schedule.
void LocalContainers::Look(Lane lane, const std::string& id) {
  LocalContainerPtr container = roster_.FindId(id);
  if (container == nullptr) return RemoveStray(id);
  if (lane == Lane::kHealth) return health_.Probe(id);
  std::optional<LocalContainer::Claim> claim = container->TryTake();
  if (!claim) return;
  if (lane == Lane::kLogs) {
    LookAtLog(*container);
  } else if (lane != Lane::kStarts) {
    Result<> collected = CollectEnd(*container);
    if (collected) return;
    LogProblem("end of a container not collected", id, collected.error());
    if (container->record().Read(IsRunning))  // else Schedule knows when
      keeper_.LookAt(Lane::kRetries, id, ports_.clock.MonotonicMilliseconds() + kAgainMs);
  } else if (container->record().Read(DueOf).step == Step::kStart) {
    if (Result<> started = StartRun(*container, StartedBy::kPolicy, /*attached=*/nullptr); !started)
      LogProblem("container not started again", id, started.error());
  }
}

void LocalContainers::PlanStray(const std::string& sandbox_id) {
  MutexLock lock(strays_mutex_);
  strays_.emplace(sandbox_id, kStrayPauses);
  keeper_.LookAt(Lane::kRetries, sandbox_id, /*at_ms=*/0);
}

void LocalContainers::RemoveStray(const std::string& sandbox_id) {
  {
    MutexLock lock(strays_mutex_);
    if (!strays_.contains(sandbox_id)) return;
  }
  Result<> removed = RemovePod(sandbox_id);
  MutexLock lock(strays_mutex_);
  if (removed) {
    strays_.erase(sandbox_id);
    return;
  }
  LogProblem("stray local pod not removed", sandbox_id, removed.error());
  int64_t pause_ms = strays_.at(sandbox_id).Next().count();
  keeper_.LookAt(Lane::kRetries, sandbox_id, ports_.clock.MonotonicMilliseconds() + pause_ms);
}

void LocalContainers::LogProblem(const char* what, const std::string& id, const Error& error) const {
  ports_.log.Log(LogLevel::kWarning, what, {{"container", id}, {"error", error.ToString()}});
}

}  // namespace davit::local
