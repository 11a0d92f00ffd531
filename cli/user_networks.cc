// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// network create, rm, inspect and prune.
#include "cli/user_networks.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/time.h"
#include "cli/confirm.h"
#include "cli/each.h"
#include "cli/prune.h"
#include "cli/template.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

bool HasIpv6(const api::Network& network) {
  return std::ranges::any_of(network.spec().subnets(),
                             [](const std::string& subnet) { return subnet.contains(':'); });
}

json LabelsOf(const api::Network& network) {
  json labels = json::object();
  for (const auto& [key, value] : network.spec().labels()) labels[key] = value;
  return labels;
}

// With the length of its subnet's prefix, as in Docker.
json MemberDocument(const api::Network& network, const api::NetworkMember& member) {
  json document = {
      {"Name", member.name()}, {"IPv4Address", ""}, {"IPv6Address", ""}, {"Aliases", json::array()}};
  for (const std::string& alias : member.aliases()) document["Aliases"].push_back(alias);
  for (const std::string& address : member.addresses()) {
    bool ipv6 = address.contains(':');
    for (const std::string& subnet : network.spec().subnets())
      if (subnet.contains(':') == ipv6)
        document[ipv6 ? "IPv6Address" : "IPv4Address"] = address + subnet.substr(subnet.find('/'));
  }
  return document;
}

// In the fields of docker network inspect.
json DocumentOf(const api::Network& network) {
  json config = json::array();
  for (int i = 0; i < network.spec().subnets_size(); ++i)
    config.push_back({{"Subnet", network.spec().subnets(i)},
                      {"Gateway", i < network.spec().gateways_size() ? network.spec().gateways(i) : ""}});
  json containers = json::object();
  for (const api::NetworkMember& member : network.containers())
    containers[member.id()] = MemberDocument(network, member);
  return {{"Name", network.name()},
          {"Id", network.id()},
          {"Created", FormatRfc3339Nano(network.created_at())},
          {"Scope", "local"},
          {"Driver", "bridge"},
          {"EnableIPv6", HasIpv6(network)},
          {"IPAM", {{"Driver", "default"}, {"Config", config}}},
          {"Internal", network.spec().internal()},
          {"Bridge", network.bridge()},
          {"Problem", network.problem()},
          {"Containers", containers},
          {"Labels", LabelsOf(network)}};
}

Result<> AddLabel(const std::string& text, api::NetworkSpec& spec) {
  size_t equals = text.find('=');
  std::string key = text.substr(0, equals);
  if (key.empty()) return Fail(Code::kInvalidArgument, "--label", text, "write KEY=VALUE or KEY");
  (*spec.mutable_labels())[key] = equals == std::string::npos ? "" : text.substr(equals + 1);
  return {};
}

}  // namespace

Result<std::vector<api::Network>> ListUserNetworks(const Daemon& daemon) {
  api::ListNetworksResponse answer = TRY(daemon.Call(&NetworkStub::List, api::ListNetworksRequest()));
  return std::vector<api::Network>(answer.networks().begin(), answer.networks().end());
}

json RowOfUserNetwork(const api::Network& network, bool no_trunc) {
  std::string labels;
  std::map<std::string, std::string> sorted(network.spec().labels().begin(), network.spec().labels().end());
  for (const auto& [key, value] : sorted)
    labels.append(labels.empty() ? "" : ",").append(key).append("=").append(value);
  return {{"ID", no_trunc ? network.id() : ShortId(network.id())},
          {"Name", network.name()},
          {"Driver", "bridge"},
          {"Scope", "local"},
          {"Internal", network.spec().internal()},
          {"IPv6", HasIpv6(network)},
          {"Labels", labels},
          {"CreatedAt", FormatRfc3339Nano(network.created_at())}};
}

Result<int> Perform(const Session& session, const NetworkCreateOptions& options) {
  if (options.driver != "bridge")
    return Fail(Code::kInvalidArgument, "--driver", options.driver, "only bridge is supported");
  api::CreateNetworkRequest request;
  request.set_name(options.name);
  api::NetworkSpec& spec = *request.mutable_spec();
  for (const std::string& subnet : options.subnets) spec.add_subnets(subnet);
  for (const std::string& gateway : options.gateways) spec.add_gateways(gateway);
  for (const std::string& label : options.labels) TRY(AddLabel(label, spec));
  spec.set_internal(options.internal);
  std::string id = TRY(session.daemon.Call(&NetworkStub::Create, request, CallMode::kShielded)).id();
  TRY(session.console.Print(id + "\n"));
  return 0;
}

Result<int> Perform(const Session& session, const NetworkRemoveOptions& options) {
  return ForEach(session, options.networks, [&](const std::string& name) -> Result<> {
    api::RemoveNetworkRequest request;
    request.set_network(name);
    TRY(session.daemon.Call(&NetworkStub::Remove, request, CallMode::kShielded));
    return {};
  });
}

// Prints what it finds, as Docker does, before it fails for what it does not find.
Result<int> Perform(const Session& session, const NetworkInspectOptions& options) {
  json documents = json::array();
  std::optional<Error> failure;
  for (const std::string& name : options.networks) {
    api::InspectNetworkRequest request;
    request.set_network(name);
    Result<api::InspectNetworkResponse> answer = session.daemon.Call(&NetworkStub::Inspect, request);
    if (answer)
      documents.push_back(DocumentOf(answer->network()));
    else
      failure = std::move(answer).error();
  }
  if (options.format.empty()) {
    TRY(session.console.PrintJson(documents));
  } else {
    for (const json& document : documents)
      TRY(session.console.Print(TRY(RenderTemplate(options.format, document)) + "\n"));
  }
  if (failure) return std::unexpected(std::move(*failure));
  return 0;
}

Result<int> Perform(const Session& session, const NetworkPruneOptions& options) {
  const char* warning = "WARNING! This will remove all networks that no container uses.\n";
  if (!options.force && !TRY(Confirm(session, "network prune", warning))) return 0;
  auto answer =
      TRY(session.daemon.Call(&NetworkStub::Prune, api::PruneNetworksRequest(), CallMode::kShielded));
  TRY(session.console.Print(PrunedText(answer)));
  return 0;
}

}  // namespace davit::cli
