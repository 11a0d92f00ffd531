// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_result.h"

#include <optional>

#include "base/json.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDiagnostics = 2048;  // of stderr, in an error

// Error codes of section 5 that mean something to a caller.
constexpr int kInvalidNetworkConfig = 7, kTryAgainLater = 11, kPluginNotAvailable = 50, kPluginLimited = 51;

// Whether an entry of `ips` is on an interface inside the pod; those without an interface are.
bool InPod(const Json& result, const Json& ip) {
  const Json* index = JsonMember(ip, "interface");
  const Json* interfaces = JsonMember(result, "interfaces");
  std::optional<uint64_t> i = index == nullptr ? std::nullopt : JsonUnsigned(*index);
  if (!i || interfaces == nullptr) return true;
  return interfaces->is_array() && *i < interfaces->size() &&
         !JsonTextMember((*interfaces)[*i], "sandbox").empty();
}

Code CodeOf(const Json& answer) {
  const Json* code = JsonMember(answer, "code");
  std::optional<int64_t> number = code == nullptr ? std::nullopt : JsonInteger(*code);
  switch (number.value_or(0)) {
    case kInvalidNetworkConfig:
      return Code::kFailedPrecondition;
    case kTryAgainLater:
    case kPluginNotAvailable:
    case kPluginLimited:
      return Code::kUnavailable;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Result<std::vector<IpAddress>> AddressesInResult(const std::string& result) {
  Json json = JsonOrNull(result);
  if (!json.is_object()) return Fail(Code::kInternal, "read result", "network plugin", "not a JSON object");
  std::vector<IpAddress> addresses;
  std::vector<IpAddress> of_ipv6;
  const Json* ips = JsonMember(json, "ips");
  if (ips == nullptr || !ips->is_array()) return addresses;
  for (const Json& ip : *ips) {
    std::string address = JsonTextMember(ip, "address");  // "10.1.0.5/16"
    if (address.empty() || !InPod(json, ip)) continue;
    IpAddress parsed = TRY(IpAddress::Parse(address.substr(0, address.find('/'))));
    (parsed.family == AF_INET ? addresses : of_ipv6).push_back(parsed);
  }
  addresses.insert(addresses.end(), of_ipv6.begin(), of_ipv6.end());
  return addresses;
}

Error PluginFailure(const std::string& type, const std::string& command, const std::string& output,
                    const std::string& diagnostics) {
  Error error{Code::kInternal, 0, "network plugin " + command, type, {}};
  Json answer = JsonOrNull(output);
  if (JsonMember(answer, "msg") != nullptr) {
    error.code = CodeOf(answer);
    error.context = JsonTextMember(answer, "msg");
    if (std::string details = JsonTextMember(answer, "details"); !details.empty())
      error.context += ": " + details;
  } else {
    error.context = diagnostics.substr(0, kMaxDiagnostics);
    while (error.context.ends_with('\n')) error.context.pop_back();
  }
  if (error.context.empty()) error.context = "failed without a reason";
  return error;
}

}  // namespace davit::cni
