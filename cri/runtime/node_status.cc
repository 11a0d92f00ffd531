// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/node_status.h"

#include <nlohmann/json.hpp>

#include "cri/runtime/message_json.h"

namespace davit::cri {
namespace {

void AddCondition(v1::RuntimeStatus& status, const char* type, const char* reason, const Result<>& check) {
  v1::RuntimeCondition& condition = *status.add_conditions();
  condition.set_type(type);
  condition.set_status(check.has_value());
  if (check) return;
  condition.set_reason(reason);
  condition.set_message(check.error().ToString());
}

nlohmann::json NetworkInfo(const NetworkDescription& network) {
  nlohmann::json info = {{"mode", network.mode}, {"bridge", network.bridge}, {"subnets", network.subnets}};
  info["repairs"] = {{"count", network.repairs}, {"last", network.last_repaired}};
  if (!network.complaint.empty()) info["complaint"] = network.complaint;
  if (!network.plugin_file.empty())
    info["plugins"] = {{"file", network.plugin_file}, {"network", network.plugin_network}};
  return info;
}

nlohmann::json SeLinuxInfo(const SeLinuxHost& host) {
  return {{"enabled", host.enabled},
          {"enforcing", host.enforcing},
          {"process", host.process.ToString()},
          {"file", host.file.ToString()}};
}

nlohmann::json CdiInfo(const cdi::Registry& registry) {
  cdi::Registry::Content content = registry.Describe();
  return {{"specDirs", registry.directories()}, {"devices", content.devices}, {"errors", content.errors}};
}

nlohmann::json Texts(const std::vector<Error>& errors) {
  nlohmann::json texts = nlohmann::json::array();
  for (const Error& error : errors) texts.push_back(error.ToString());
  return texts;
}

}  // namespace

Result<> NodeStatus::RuntimeHealth() const {
  TRY(ports_.shims.Health());
  return ports_.records_health();
}

Result<v1::StatusResponse> NodeStatus::Status(const v1::StatusRequest& request, Call&) {
  v1::StatusResponse response;
  v1::RuntimeStatus& status = *response.mutable_status();
  AddCondition(status, "RuntimeReady", "RuntimeNotReady", RuntimeHealth());
  AddCondition(status, "NetworkReady", "NetworkPluginNotReady", ports_.network.Check());
  bool user_namespaces = ports_.facts.has_user_namespaces && ports_.snapshots.CanIdmap();
  for (std::string& name : Handlers(ports_.config.handlers).Names()) {
    v1::RuntimeHandler& handler = *response.add_runtime_handlers();
    handler.set_name(std::move(name));
    handler.mutable_features()->set_recursive_read_only_mounts(true);
    handler.mutable_features()->set_user_namespaces(user_namespaces);
  }
  response.mutable_features()->set_supplemental_groups_policy(true);
  response.mutable_features()->set_user_namespaces_host_network(user_namespaces);
  response.mutable_features()->set_mount_options(true);
  if (request.verbose()) AddInfo(response);
  return response;
}

void NodeStatus::AddInfo(v1::StatusResponse& response) const {
  nlohmann::json config = {{"root", ports_.config.root},
                           {"state", ports_.config.state},
                           {"cgroupRoot", ports_.config.cgroup.root}};
  auto& info = *response.mutable_info();
  info["config"] = PrintJson(config);
  info["cdi"] = PrintJson(CdiInfo(ports_.cdi));
  info["network"] = PrintJson(NetworkInfo(ports_.network.Describe()));
  info["selinux"] = PrintJson(SeLinuxInfo(ports_.facts.selinux));
  info["undeletedFiles"] = PrintJson(Texts(ports_.snapshots.DeletionProblems()));
}

Result<v1::RuntimeConfigResponse> NodeStatus::RuntimeConfig(const v1::RuntimeConfigRequest&, Call&) {
  bool systemd = ports_.placement.driver() == CgroupDriver::kSystemd;
  v1::RuntimeConfigResponse config;
  config.mutable_linux()->set_cgroup_driver(systemd ? v1::SYSTEMD : v1::CGROUPFS);
  return config;
}

Result<v1::UpdateRuntimeConfigResponse> NodeStatus::UpdateRuntimeConfig(
    const v1::UpdateRuntimeConfigRequest& request, Call&) {
  TRY(ports_.network.SetPodCidr(request.runtime_config().network_config().pod_cidr()));
  return v1::UpdateRuntimeConfigResponse();
}

}  // namespace davit::cri
