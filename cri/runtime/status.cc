// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "cri/runtime/runtime.h"

namespace davit {
namespace {

void AddCondition(v1::RuntimeStatus& status, const char* type, const char* reason, const Result<>& check) {
  v1::RuntimeCondition& condition = *status.add_conditions();
  condition.set_type(type);
  condition.set_status(check.has_value());
  if (check) return;
  condition.set_reason(reason);
  condition.set_message(check.error().ToString());
}

// Names in files may hold any bytes; JSON cannot.
std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json NetworkInfo(const NetworkDescription& network) {
  nlohmann::json info = {{"bridge", network.bridge}, {"subnets", network.subnets}};
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

}  // namespace

Result<v1::StatusResponse> Runtime::Status(const v1::StatusRequest& request, Call&) {
  v1::StatusResponse response;
  AddCondition(*response.mutable_status(), "RuntimeReady", "", {});
  AddCondition(*response.mutable_status(), "NetworkReady", "NetworkPluginNotReady", host_.network.Check());
  v1::RuntimeHandler& handler = *response.add_runtime_handlers();
  handler.set_name("");  // the default one
  handler.mutable_features()->set_recursive_read_only_mounts(true);
  response.mutable_features()->set_supplemental_groups_policy(true);
  bool user_namespaces = host_.facts.has_user_namespaces && host_.snapshotter.CanIdmap();
  handler.mutable_features()->set_user_namespaces(user_namespaces);
  response.mutable_features()->set_user_namespaces_host_network(user_namespaces);
  response.mutable_features()->set_mount_options(true);
  if (request.verbose()) {
    nlohmann::json config;
    config["root"] = host_.config.root;
    config["state"] = host_.config.state;
    config["cgroupRoot"] = host_.config.cgroup.root;
    (*response.mutable_info())["config"] = config.dump();
    cdi::Registry::Content devices = host_.cdi.Describe();
    nlohmann::json cdi = {
        {"specDirs", host_.cdi.directories()}, {"devices", devices.devices}, {"errors", devices.errors}};
    (*response.mutable_info())["cdi"] = Dump(cdi);
    (*response.mutable_info())["network"] = Dump(NetworkInfo(host_.network.Describe()));
    (*response.mutable_info())["selinux"] = SeLinuxInfo(host_.facts.selinux).dump();
    nlohmann::json problems = nlohmann::json::array();
    for (const Error& problem : host_.snapshotter.DeletionProblems()) problems.push_back(problem.ToString());
    (*response.mutable_info())["undeletedFiles"] = problems.dump();
  }
  return response;
}

Result<v1::UpdateRuntimeConfigResponse> Runtime::UpdateRuntimeConfig(
    const v1::UpdateRuntimeConfigRequest& request, Call&) {
  TRY(host_.network.SetPodCidr(request.runtime_config().network_config().pod_cidr()));
  return v1::UpdateRuntimeConfigResponse();
}

}  // namespace davit
