// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>

#include "cri/runtime/containers.h"

namespace davit::cri {
namespace {

// After SIGKILL a container ends as soon as the kernel gets to it; what lasts longer is stuck in the kernel.
constexpr int64_t kKillPatienceMs = 120'000;
// How long a shim may take to report the death of a container that was killed, before it is taken for hung
// and killed.
constexpr int64_t kShimPatienceMs = 10'000;

bool IsSettled(const ContainerRecord& record) {
  return !phases::IsStarting(record);
}

bool HasNoProcess(const ContainerRecord& record) {
  return !phases::MayHaveProcess(record);
}

std::unexpected<Error> StillRunning(const Container& container) {
  return Fail(Code::kDeadlineExceeded, "stop container", container.id(), "it is still running after SIGKILL");
}

void Kill(const Container& container) {
  // Init first and directly, so that a shim that does not answer cannot save it. Then the shim kills whatever
  // init leaves behind where it is not the PID 1 of its own namespace.
  (void)container.Signal(SIGKILL);
  if (ShimPtr shim = container.sandbox().shim()) shim->KillContainer(container.id());
}

}  // namespace

Result<v1::StopContainerResponse> Containers::Stop(const v1::StopContainerRequest& request, Call& call) {
  Result<ContainerPtr> found = ports_.pods.FindContainer(request.container_id(), call.owner);
  if (!found && found.error().code == Code::kNotFound) return v1::StopContainerResponse();
  ContainerPtr container = TRY(std::move(found));
  int64_t grace_ms = std::clamp<int64_t>(request.timeout(), 0, 1 << 30) * 1000;
  TRY(StopProcess(container, grace_ms, call.deadline_ms));
  call.spans.Mark("stop");
  return v1::StopContainerResponse();
}

// Several stops of one container run side by side: each signals, and the one with the shortest grace kills.
Result<> Containers::StopProcess(const ContainerPtr& container, int64_t grace_ms, int64_t deadline_ms) {
  if (!container->record().WaitUntil(IsSettled, deadline_ms, ports_.clock))
    return Fail(Code::kDeadlineExceeded, "stop container", container->id(), "it is still being started");
  if (!container->running()) return {};

  if (grace_ms > 0) {
    int signal = container->record().Read([](const ContainerRecord& r) { return r.stop_signal; });
    Result<> sent = container->Signal(signal);
    if (!sent && sent.error().code != Code::kNotFound) return sent;
    int64_t patience = std::min(deadline_ms, ports_.clock.MonotonicMilliseconds() + grace_ms);
    if (container->record().WaitUntil(HasNoProcess, patience, ports_.clock)) return {};
    if (patience == deadline_ms) {
      return Fail(Code::kDeadlineExceeded, "stop container", container->id(),
                  "its grace period has not passed yet");
    }
  }
  Kill(*container);
  int64_t patience = std::min(deadline_ms, ports_.clock.MonotonicMilliseconds() + kKillPatienceMs);
  if (container->record().WaitUntil(HasNoProcess, patience, ports_.clock)) return {};
  return StillRunning(*container);
}

Result<> Containers::KillAllOf(const Sandbox& sandbox, int64_t deadline_ms) {
  std::vector<ContainerPtr> containers = ports_.pods.ContainersOf(sandbox.id());
  if (sandbox.shim() == nullptr) {  // nobody would report their ends
    for (const ContainerPtr& container : containers) ports_.watch.Lose(container);
  }
  std::vector<ContainerPtr> starting;
  for (const ContainerPtr& container : containers) {
    if (container->record().Read(phases::IsStarting)) starting.push_back(container);
    if (container->record().Read(phases::MayHaveProcess)) Kill(*container);
  }
  int64_t patience = std::min(deadline_ms, ports_.clock.MonotonicMilliseconds() + kShimPatienceMs);
  // A start whose request reaches the shim after the kill succeeds.
  for (const ContainerPtr& container : starting) {
    if (container->record().WaitUntil(IsSettled, patience, ports_.clock) && container->running())
      Kill(*container);
  }
  for (const ContainerPtr& container : containers) {
    if (container->record().WaitUntil(HasNoProcess, patience, ports_.clock)) continue;
    // It was killed and its shim does not say so: the shim hangs. Its death lets the daemon take over.
    if (ShimPtr shim = sandbox.shim()) shim->Kill();
    if (!container->record().WaitUntil(HasNoProcess, deadline_ms, ports_.clock))
      return StillRunning(*container);
  }
  return {};
}

}  // namespace davit::cri
