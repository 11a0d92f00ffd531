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
#include "cli/documents.h"
#include "cli/each.h"
#include "cli/filter.h"
#include "cli/prune.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr char kDriver[] = "bridge";

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
          {"Driver", kDriver},
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

ListRow RowOfUserNetwork(const api::Network& network, bool no_trunc) {
  std::map<std::string, std::string> labels(network.spec().labels().begin(), network.spec().labels().end());
  json fields = {{"ID", no_trunc ? network.id() : ShortId(network.id())},
                 {"Name", network.name()},
                 {"Driver", kDriver},
                 {"Scope", "local"},
                 {"Internal", network.spec().internal()},
                 {"IPv4", true},
                 {"IPv6", HasIpv6(network)},
                 {"Labels", LabelsText(labels)},
                 {"CreatedAt", FormatRfc3339Nano(network.created_at())}};
  return {std::move(fields), std::move(labels)};
}

Result<> FilterUserNetworks(const std::vector<std::string>& filters, std::vector<api::Network>& networks) {
  Filters parsed =
      TRY(Filters::Parse(filters, {"dangling", "driver", "id", "label", "name", "scope", "type"}));
  std::optional<bool> dangling;
  for (const std::string& value : parsed.Of("dangling")) dangling = TRY(ParseFilterSwitch("dangling", value));
  for (const std::string& type : parsed.Of("type"))
    if (type != "custom" && type != "builtin")
      return BadFilter("type=" + type, "write type=custom or type=builtin");
  std::erase_if(networks, [&](const api::Network& network) {
    bool taken = (!dangling || *dangling == network.containers().empty()) &&
                 parsed.Any("driver", [](const std::string& driver) { return driver == kDriver; }) &&
                 parsed.Any("id", [&](const std::string& id) { return network.id().contains(id); }) &&
                 parsed.Any("name", [&](const std::string& name) { return network.name().contains(name); }) &&
                 parsed.Any("scope", [](const std::string& scope) { return scope == "local"; }) &&
                 parsed.Any("type", [](const std::string& type) { return type == "custom"; }) &&
                 parsed.HasLabels(network.spec().labels());
    return !taken;
  });
  return {};
}

Result<int> Perform(const Session& session, const NetworkCreateOptions& options) {
  if (options.driver != kDriver)
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

Result<json> NetworkDocument(const Daemon& daemon, const std::string& name) {
  api::InspectNetworkRequest request;
  request.set_network(name);
  return DocumentOf(TRY(daemon.Call(&NetworkStub::Inspect, request)).network());
}

// Prints what it finds, as Docker does, before it fails for what it does not find.
Result<int> Perform(const Session& session, const NetworkInspectOptions& options) {
  std::vector<json> documents;
  std::optional<Error> failure;
  for (const std::string& name : options.networks) {
    Result<json> document = NetworkDocument(session.daemon, name);
    if (document)
      documents.push_back(std::move(*document));
    else
      failure = std::move(document).error();
  }
  TRY(PrintDocuments(session.console, options.format, documents));
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
