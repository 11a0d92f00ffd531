// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>

#include "cri/runtime/sandboxes.h"

namespace davit::cri {
namespace {

// How long a shim may take to end before it is taken for hung and killed.
constexpr int64_t kShimPatienceMs = 10'000;

}  // namespace

Result<v1::StopPodSandboxResponse> Sandboxes::Stop(const v1::StopPodSandboxRequest& request, Call& call) {
  Result<SandboxPtr> found = ports_.pods.FindSandbox(request.pod_sandbox_id(), call.owner);
  if (!found && found.error().code == Code::kNotFound) return v1::StopPodSandboxResponse();
  SandboxPtr sandbox = TRY(std::move(found));
  TRY(sandbox->record().TryChange(phases::BeginStop));  // from here on no container joins it
  TRY(Release(sandbox, call.deadline_ms, call.spans));
  return v1::StopPodSandboxResponse();
}

Result<> Sandboxes::Release(const SandboxPtr& sandbox, int64_t deadline_ms, Spans& spans) {
  if (sandbox->record().Read(phases::IsStopped)) return {};
  TRY(ports_.containers.KillAllOf(*sandbox, deadline_ms));
  spans.Mark("containers");
  TRY(DetachNetwork(*sandbox));
  spans.Mark("network");
  EndShim(*sandbox, deadline_ms);
  spans.Mark("shim");
  SandboxRecord record = sandbox->record().Get();
  if (record.own_cgroup_parent) TRY(ports_.cgroups.Remove(record.cgroup_parent));
  TRY(sandbox->record().TryChange(phases::Stopped));
  // Only now may another pod get the addresses: the database does not have them any more.
  ports_.network.GiveBack(record);
  ports_.announcer.Announce(*sandbox);
  spans.Mark("record");
  return {};
}

Result<> Sandboxes::DetachNetwork(const Sandbox& sandbox) {
  SandboxRecord record = sandbox.record().Get();
  if (record.addresses.empty() && !record.plugins) return {};
  for (const Error& leftover : TRY(ports_.network.Detach(sandbox.config(), record))) {
    ports_.log.Log(LogLevel::kWarning, "left behind by a pod's network",
                   {{"sandbox", sandbox.id()}, {"error", leftover.ToString()}});
  }
  return {};
}

void Sandboxes::EndShim(Sandbox& sandbox, int64_t deadline_ms) {
  if (ShimPtr shim = sandbox.shim()) {
    int64_t patience = std::min(deadline_ms, ports_.clock.MonotonicMilliseconds() + kShimPatienceMs);
    if (!shim->Shutdown(patience)) shim->Kill();
    return ports_.shims.RemoveSocket(sandbox.id());
  }
  // Never met since the daemon's start, or dead already.
  SandboxRecord record = sandbox.record().Get();
  ports_.shims.End(sandbox.id(), {record.shim_pid, record.shim_start_time, record.shim_boot_id});
}

}  // namespace davit::cri
