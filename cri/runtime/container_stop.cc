// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"
#include "cri/runtime/runtime.h"

namespace davit {
namespace {

bool Ended(const ContainerRecord& record) {
  return record.phase != ContainerPhase::kRunning && record.phase != ContainerPhase::kStarting;
}

// After SIGKILL a container ends as soon as the kernel gets to it; what lasts longer is stuck in the kernel.
constexpr int64_t kKillPatienceMs = 120'000;

}  // namespace

Result<v1::StopContainerResponse> Runtime::StopContainer(const v1::StopContainerRequest& request,
                                                         Call& call) {
  Result<ContainerPtr> found = pods_.FindContainer(request.container_id());
  if (!found && found.error().code == Code::kNotFound) return v1::StopContainerResponse();
  ContainerPtr container = TRY(std::move(found));
  int64_t grace_ms = std::clamp<int64_t>(request.timeout(), 0, 1 << 30) * 1000;
  TRY(StopProcess(container, grace_ms, call.deadline_ms));
  call.spans.Mark("stop");
  return v1::StopContainerResponse();
}

// Several stops of one container run side by side: each signals, and the one with the shortest grace kills.
Result<> Runtime::StopProcess(const ContainerPtr& container, int64_t grace_ms, int64_t deadline_ms) {
  auto settled = [](const ContainerRecord& r) { return r.phase != ContainerPhase::kStarting; };
  if (!container->record().WaitUntil(settled, deadline_ms)) {
    return Fail(Code::kDeadlineExceeded, "stop container", container->id(), "it is still being started");
  }
  if (container->phase() != ContainerPhase::kRunning) return {};

  if (grace_ms > 0) {
    int signal = container->record().Read([](const ContainerRecord& r) { return r.stop_signal; });
    Result<> sent = container->Signal(signal);
    if (!sent && sent.error().code != Code::kNotFound) return sent;
    int64_t patience = std::min(deadline_ms, MonotonicMilliseconds() + grace_ms);
    if (container->record().WaitUntil(Ended, patience)) return {};
    if (patience == deadline_ms) {
      return Fail(Code::kDeadlineExceeded, "stop container", container->id(),
                  "its grace period has not passed yet");
    }
  }
  KillProcess(*container);
  if (container->record().WaitUntil(Ended, std::min(deadline_ms, MonotonicMilliseconds() + kKillPatienceMs)))
    return {};
  return Fail(Code::kDeadlineExceeded, "stop container", container->id(),
              "it is still running after SIGKILL");
}

void Runtime::KillProcess(const Container& container) {
  // Init first and directly, so that a shim that does not answer cannot save it. Then the shim kills whatever
  // init leaves behind where it is not the PID 1 of its own namespace.
  (void)container.Signal(SIGKILL);
  if (std::shared_ptr<ShimLink> link = container.sandbox().link()) {
    (void)link->Send(ShimMessage::kKillContainer, Encode(KillContainer{container.id()}), {},
                     MonotonicMilliseconds());
  }
}

}  // namespace davit
