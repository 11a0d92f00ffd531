// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "cri/runtime/labels.h"
#include "cri/runtime/message_json.h"
#include "cri/runtime/runtime.h"
#include "cri/spec/oci_spec.h"
#include "cri/spec/sandbox_plan.h"

namespace davit {
namespace {

v1::PodSandboxState StateOf(const SandboxRecord& record) {
  return record.phase == SandboxPhase::kReady ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY;
}

}  // namespace

v1::PodSandboxStatus Runtime::StatusOf(const Sandbox& sandbox) const {
  SandboxRecord record = sandbox.record().Get();
  const v1::PodSandboxConfig& config = sandbox.config();
  v1::PodSandboxStatus status;
  status.set_id(record.id);
  *status.mutable_metadata() = config.metadata();
  status.set_state(StateOf(record));
  status.set_created_at(record.created_at);
  for (size_t i = 0; i < record.addresses.size(); ++i) {
    if (i == 0) {
      status.mutable_network()->set_ip(record.addresses[i]);
    } else {
      status.mutable_network()->add_additional_ips()->set_ip(record.addresses[i]);
    }
  }
  *status.mutable_linux()->mutable_namespaces()->mutable_options() =
      config.linux().security_context().namespace_options();
  *status.mutable_labels() = config.labels();
  *status.mutable_annotations() = config.annotations();
  status.set_runtime_handler(record.runtime_handler);
  return status;
}

Result<v1::PodSandboxStatusResponse> Runtime::PodSandboxStatus(const v1::PodSandboxStatusRequest& request,
                                                               Call&) {
  SandboxPtr sandbox = TRY(pods_.FindSandbox(request.pod_sandbox_id()));
  SandboxRecord record = sandbox->record().Get();
  v1::PodSandboxStatusResponse response;
  *response.mutable_status() = StatusOf(*sandbox);
  if (request.verbose()) {
    nlohmann::json info;
    info["shimPid"] = record.shim_pid;
    info["cgroupParent"] = record.cgroup_parent;
    info["hostInterface"] = record.host_interface;
    info["mac"] = record.mac;
    info["runtimeHandler"] = record.runtime_handler;
    info["config"] = JsonOf(sandbox->config());
    info["runtimeSpec"] = nlohmann::json::parse(
        RenderSandboxSpec(TRY(BuildSandboxPlan(sandbox->config(), record.id)), record.cgroup_parent));
    if (record.plugins)
      info["cniResult"] = nlohmann::json::parse(record.plugins->result, nullptr, /*allow_exceptions=*/false);
    if (!record.reason.empty()) info["reason"] = record.reason;
    (*response.mutable_info())["info"] =
        info.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
  }
  return response;
}

Result<std::vector<v1::PodSandbox>> Runtime::ListPodSandbox(const v1::PodSandboxFilter& filter) {
  std::vector<v1::PodSandbox> found;
  for (const SandboxPtr& sandbox : pods_.Sandboxes()) {
    SandboxRecord record = sandbox->record().Get();
    const v1::PodSandboxConfig& config = sandbox->config();
    if (!record.id.starts_with(filter.id())) continue;
    if (filter.has_state() && filter.state().state() != StateOf(record)) continue;
    if (!MatchesLabels(config.labels(), filter.label_selector())) continue;
    v1::PodSandbox& summary = found.emplace_back();
    summary.set_id(record.id);
    *summary.mutable_metadata() = config.metadata();
    summary.set_state(StateOf(record));
    summary.set_created_at(record.created_at);
    *summary.mutable_labels() = config.labels();
    *summary.mutable_annotations() = config.annotations();
    summary.set_runtime_handler(record.runtime_handler);
  }
  return found;
}

}  // namespace davit
