// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/network_request.h"
#include "cri/runtime/runtime.h"

namespace davit {
namespace {

// How long a shim may take to report the death of a container that was killed, before it is taken for hung
// and killed.
constexpr int64_t kShimPatienceMs = 10'000;

}  // namespace

Result<v1::StopPodSandboxResponse> Runtime::StopPodSandbox(const v1::StopPodSandboxRequest& request,
                                                           Call& call) {
  Result<SandboxPtr> sandbox = pods_.FindSandbox(request.pod_sandbox_id());
  if (!sandbox && sandbox.error().code == Code::kNotFound) return v1::StopPodSandboxResponse();
  TRY(StopSandbox(TRY(std::move(sandbox)), call));
  return v1::StopPodSandboxResponse();
}

Result<> Runtime::StopSandbox(const SandboxPtr& sandbox, Call& call) {
  // From here on no container joins it.
  TRY(sandbox->record().TryChange([](SandboxRecord& r) {
    if (r.phase != SandboxPhase::kReady) return false;
    r.phase = SandboxPhase::kNotReady;
    return true;
  }));
  return ReleaseSandbox(sandbox, call.deadline_ms, call.spans);
}

Result<> Runtime::ReleaseSandbox(const SandboxPtr& sandbox, int64_t deadline_ms, Spans& spans) {
  if (sandbox->record().Read([](const SandboxRecord& r) { return r.phase == SandboxPhase::kStopped; }))
    return {};
  TRY(KillContainersOf(sandbox, deadline_ms));
  spans.Mark("containers");
  TRY(DetachNetwork(*sandbox));
  spans.Mark("network");
  EndShim(*sandbox, deadline_ms);
  spans.Mark("shim");
  TRY(RemovePodCgroup(*sandbox));
  TRY(sandbox->record().Change([](SandboxRecord& r) { r.phase = SandboxPhase::kStopped; }));
  Announce(*sandbox);
  spans.Mark("record");
  return {};
}

// The lease ends in the record before another pod can get the addresses.
Result<> Runtime::DetachNetwork(Sandbox& sandbox) {
  if (!HasOwnNetwork(sandbox.config())) return {};
  SandboxRecord record = sandbox.record().Get();
  for (const Error& left : TRY(host_.network.Detach(sandbox.config(), record)))
    host_.log.Log(LogLevel::kWarning, "left behind by a pod's network",
                  {{"sandbox", sandbox.id()}, {"error", left.ToString()}});
  TRY(sandbox.record().Change([](SandboxRecord& r) {
    r.addresses.clear();
    r.plugins.reset();
  }));
  host_.network.GiveBack(record);
  return {};
}

Result<> Runtime::KillContainersOf(const SandboxPtr& sandbox, int64_t deadline_ms) {
  std::vector<ContainerPtr> containers = pods_.ContainersOf(sandbox->id());
  for (const ContainerPtr& container : containers) {
    if (container->phase() == ContainerPhase::kRunning) KillProcess(*container);
  }
  auto ended = [](const ContainerRecord& r) {
    return r.phase != ContainerPhase::kRunning && r.phase != ContainerPhase::kStarting;
  };
  int64_t patience = std::min(deadline_ms, MonotonicMilliseconds() + kShimPatienceMs);
  for (const ContainerPtr& container : containers) {
    if (container->record().WaitUntil(ended, patience)) continue;
    // It was killed and its shim does not say so: the shim hangs. Its death lets the daemon take over.
    if (std::shared_ptr<ShimLink> link = sandbox->link()) (void)link->process().Signal(SIGKILL);
    if (!container->record().WaitUntil(ended, deadline_ms)) {
      return Fail(Code::kDeadlineExceeded, "stop container", container->id(),
                  "it is still running after SIGKILL");
    }
  }
  return {};
}

void Runtime::EndShim(Sandbox& sandbox, int64_t deadline_ms) {
  std::shared_ptr<ShimLink> link = sandbox.link();
  if (link == nullptr) {
    // Never met since the daemon's start, or dead already: by its identity, never by its bare pid.
    SandboxRecord record = sandbox.record().Get();
    ProcessIdentity identity{record.shim_pid, record.shim_start_time, record.shim_boot_id};
    if (Result<PidFd> shim = PidFd::Open(identity)) (void)shim->Signal(SIGKILL);
  } else {
    int64_t patience = std::min(deadline_ms, MonotonicMilliseconds() + kShimPatienceMs);
    bool told = link->Call(ShimMessage::kShutdown, "", {}, patience).has_value();
    int64_t left = std::max<int64_t>(0, patience - MonotonicMilliseconds());
    if (!told || !link->process().WaitExit(static_cast<int>(left)).value_or(false))
      (void)link->process().Signal(SIGKILL);
  }
  host_.shims.RemoveSocket(sandbox.id());
}

Result<> Runtime::RemovePodCgroup(const Sandbox& sandbox) {
  SandboxRecord record = sandbox.record().Get();
  return record.own_cgroup_parent ? host_.cgroups.Remove(record.cgroup_parent) : Result<>{};
}

}  // namespace davit
