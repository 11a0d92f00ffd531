// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cri/runtime/labels.h"
#include "cri/runtime/message_json.h"
#include "cri/runtime/pod_status.h"
#include "cri/runtime/sandboxes.h"
#include "cri/runtime/sysctl_defaults.h"
#include "cri/spec/oci_spec.h"
#include "cri/spec/sandbox_plan.h"

namespace davit::cri {
namespace {

// For `crictl inspectp`.
nlohmann::json InfoOf(const Config& config, const Sandbox& sandbox) {
  SandboxRecord record = sandbox.record().Get();
  nlohmann::json info;
  info["shimPid"] = record.shim_pid;
  info["cgroupParent"] = record.cgroup_parent;
  info["hostInterface"] = record.host_interface;
  info["mac"] = record.mac;
  info["runtimeHandler"] = record.runtime_handler;
  info["config"] = JsonOf(sandbox.config());
  if (Result<shim::SandboxPlan> plan =
          BuildSandboxPlan(sandbox.config(), record.id, SysctlDefaultsOf(config)))
    info["runtimeSpec"] = JsonOrNull(RenderSandboxSpec(*plan, record.cgroup_parent));
  if (record.plugins) info["cniResult"] = JsonOrNull(record.plugins->result);
  if (!record.reason.empty()) info["reason"] = record.reason;
  return info;
}

}  // namespace

// No timestamp is set. With one, kubelet 1.37.1 under EventedPLEG reads the containers' statuses from this
// answer (GetPodStatus in pkg/kubelet/kuberuntime), but takes none of them for a container of the running
// sandbox: it runs the pod's init containers again, beside its main containers. Without one it asks for each
// container's status.
Result<v1::PodSandboxStatusResponse> Sandboxes::Status(const v1::PodSandboxStatusRequest& request,
                                                       Call& call) {
  SandboxPtr sandbox = TRY(ports_.pods.FindSandbox(request.pod_sandbox_id(), call.owner));
  v1::PodSandboxStatusResponse response;
  *response.mutable_status() = StatusOf(*sandbox);
  for (v1::ContainerStatus& status : StatusesOfContainers(ports_.pods, *sandbox))
    *response.add_containers_statuses() = std::move(status);
  if (request.verbose()) (*response.mutable_info())["info"] = PrintJson(InfoOf(ports_.config, *sandbox));
  return response;
}

Result<std::string> Sandboxes::WhyFailed(const std::string& sandbox_id, Call& call) const {
  SandboxPtr sandbox = TRY(ports_.pods.FindSandbox(sandbox_id, call.owner));
  return sandbox->record().Read([](const SandboxRecord& r) { return r.reason; });
}

Result<std::vector<v1::PodSandbox>> Sandboxes::List(const v1::PodSandboxFilter& filter, Owner owner) {
  std::vector<v1::PodSandbox> found;
  for (const SandboxPtr& sandbox : ports_.pods.Sandboxes(owner)) {
    SandboxRecord record = sandbox->record().Get();
    if (!record.id.starts_with(filter.id())) continue;
    if (filter.has_state() && filter.state().state() != StateOf(record)) continue;
    if (!MatchesLabels(sandbox->config().labels(), filter.label_selector())) continue;
    found.push_back(SummaryOf(*sandbox, record));
  }
  return found;
}

}  // namespace davit::cri
