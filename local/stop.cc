// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <signal.h>

#include <algorithm>

#include "local/local_containers.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

constexpr uint32_t kGraceSeconds = 10;
// How long the end of a program that was killed may take before its pod is stopped.
constexpr int64_t kKilledMs = 15'000;

uint32_t GraceOf(const LocalContainer& container, std::optional<uint32_t> wanted) {
  if (wanted) return *wanted;
  const api::ContainerSpec& spec = container.spec();
  return spec.has_stop_grace_seconds() ? spec.stop_grace_seconds() : kGraceSeconds;
}

}  // namespace

Result<> LocalContainers::Stop(const std::string& container, std::optional<uint32_t> grace_seconds,
                               int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  bool ran = found->record().Read(HasRun);
  TRY(StopContainer(*found, GraceOf(*found, grace_seconds), deadline_ms));
  if (ran) Note(*found, "stop");
  return {};
}

// A shim that hangs reports no end, and one that was never met has none to report to: the pod's stop takes
// over from both.
Result<> LocalContainers::StopRun(const Run& run, uint32_t grace_seconds, int64_t deadline_ms) const {
  v1::StopContainerRequest request;
  request.set_container_id(run.container_id);
  request.set_timeout(grace_seconds);
  int64_t patience_ms = int64_t{grace_seconds} * 1'000 + kKilledMs;
  cri::Call call = LocalCall(std::min(deadline_ms, ports_.clock.MonotonicMilliseconds() + patience_ms));
  if (ports_.runtime.containers().Stop(request, call)) return {};
  v1::StopPodSandboxRequest pod;
  pod.set_pod_sandbox_id(run.sandbox_id);
  cri::Call pod_call = LocalCall(deadline_ms);
  TRY(ports_.runtime.sandboxes().Stop(pod, pod_call));
  return {};
}

// A start that is in progress may succeed after the first stop, which then has found nothing to end.
Result<> LocalContainers::StopContainer(LocalContainer& container, uint32_t grace_seconds,
                                        int64_t deadline_ms) {
  LocalContainer::Stopping stopping(container);
  Result<> recorded =
      container.record().TryChange(local::Stop);  // the program is stopped on a full disk, too
  do {
    if (std::optional<Run> run = container.AwaitRun(deadline_ms)) {
      if (Result<> gone_on = GoOn(container, *run); !gone_on)
        LogProblem("container stopped while it is paused", container.id(), gone_on.error());
      TRY(StopRun(*run, grace_seconds, deadline_ms));
    }
    Result<LocalContainer::Claim> claim = container.Take(deadline_ms);
    if (!claim && claim.error().code == Code::kNotFound) return {};  // it was removed, as it was to be
    if (!claim) return std::unexpected(std::move(claim).error());
    if (Result<> collected = CollectEnd(container); !collected)
      return std::unexpected(
          Within("stop container " + container.name() + ": it has ended, but what it had remains",
                 std::move(collected).error()));
    if (!container.record().Read(HasRun)) return recorded;
  } while (ports_.clock.MonotonicMilliseconds() < deadline_ms);
  return Fail(Code::kDeadlineExceeded, "stop container", container.name(), "it still runs");
}

Result<> LocalContainers::Restart(const std::string& container, std::optional<uint32_t> grace_seconds,
                                  int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  if (found->spec().auto_remove() && found->record().Read(HasRun)) {
    return Fail(Code::kFailedPrecondition, "restart container", found->name(),
                "it was created to be removed when it has ended");
  }
  TRY(Stop(found->id(), grace_seconds, deadline_ms));
  TRY(StartContainer(*found, deadline_ms, /*attached=*/nullptr));
  Note(*found, "restart");
  return {};
}

// As in Docker, a container that somebody has killed stays dead, also one that waits for its restart.
Result<> LocalContainers::Kill(const std::string& container, int signo, int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  const LocalRecord was = found->record().Get();
  if (!IsWanted(was))
    return Fail(Code::kFailedPrecondition, "kill container", found->name(), "it is not running");
  Note(*found, "kill", {{"signal", std::to_string(signo)}});
  if (signo == SIGKILL) return StopContainer(*found, /*grace_seconds=*/0, deadline_ms);
  bool ends_policy = EndsPolicy(was, signo);
  Result<> recorded = ends_policy ? found->record().TryChange(local::Stop) : Result<>();
  if (IsRestarting(was) && was.status != Status::kStarting)
    return recorded;  // it has no process in the pause
  std::optional<Run> run = found->AwaitRun(deadline_ms);
  cri::Call call = LocalCall(deadline_ms);
  Result<> sent = run ? ports_.runtime.processes().Signal(run->container_id, signo, call)
                      : Fail(Code::kFailedPrecondition, "kill container", found->name(), "it is not running");
  if (sent && ends_policy && run) TRY(GoOn(*found, *run));  // it is to end
  if (!sent && ends_policy)
    (void)found->record().TryChange([&was](LocalRecord& r) { return UndoStop(r, was); });
  return sent ? recorded : sent;
}

}  // namespace davit::local
