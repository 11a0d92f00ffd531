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

}  // namespace

Result<v1::StatusResponse> Runtime::Status(const v1::StatusRequest& request, Call&) {
  v1::StatusResponse response;
  AddCondition(*response.mutable_status(), "RuntimeReady", "", {});
  AddCondition(*response.mutable_status(), "NetworkReady", "BridgeNotReady", host_.bridge.Check());
  v1::RuntimeHandler& handler = *response.add_runtime_handlers();
  handler.set_name("");  // the default one
  handler.mutable_features()->set_recursive_read_only_mounts(true);
  response.mutable_features()->set_supplemental_groups_policy(true);
  if (request.verbose()) {
    nlohmann::json config;
    config["root"] = host_.config.root;
    config["state"] = host_.config.state;
    config["cgroupRoot"] = host_.config.cgroup.root;
    config["bridge"] = host_.config.network.bridge.name;
    config["subnets"] = host_.config.network.bridge.subnets;
    (*response.mutable_info())["config"] = config.dump();
  }
  return response;
}

// The kubelet announces the node's pod CIDR here. The bridge's subnets are fixed by the configuration, and an
// address range that pods live in cannot change under them, so another one is refused instead of being taken
// silently.
Result<v1::UpdateRuntimeConfigResponse> Runtime::UpdateRuntimeConfig(
    const v1::UpdateRuntimeConfigRequest& request, Call&) {
  const std::string& cidrs = request.runtime_config().network_config().pod_cidr();
  for (size_t begin = 0; begin < cidrs.size();) {
    size_t end = std::min(cidrs.find(',', begin), cidrs.size());
    std::string cidr = cidrs.substr(begin, end - begin);
    begin = end + 1;
    TRY(ParseSubnet(cidr));
    const std::vector<std::string>& subnets = host_.config.network.bridge.subnets;
    if (std::find(subnets.begin(), subnets.end(), cidr) == subnets.end()) {
      return Fail(
          Code::kUnimplemented, "update runtime config", "pod_cidr",
          cidr + " is not one of the configured network.bridge.subnets; change them there and restart");
    }
  }
  return v1::UpdateRuntimeConfigResponse();
}

}  // namespace davit
