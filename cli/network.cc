// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// network ls and network status.
#include <map>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/row_output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/user_networks.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

Result<api::NetworkStatusResponse> Ask(const Session& session) {
  return session.daemon.Call(&NetworkStub::Status, api::NetworkStatusRequest());
}

template <typename Texts>
std::string Joined(const Texts& texts, const char* separator) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : separator) + text;
  return joined;
}

template <typename Texts>
json List(const Texts& texts) {
  return std::vector<std::string>(texts.begin(), texts.end());
}

std::string AgoText(int64_t since) {
  return since == 0 ? "never" : AgeText(since, UnixNanoseconds()) + " ago";
}

std::string PodName(const std::string& name_space, const std::string& name) {
  return name_space.empty() ? name : name_space + "/" + name;
}

// "127.0.0.1:80", "[::]:80".
std::string Endpoint(const std::string& address, uint32_t port) {
  return (address.contains(':') ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

// --- What pods have, by network

struct Network {
  std::string id;  // empty: the node's
  std::string name;
  std::string kind;
  std::string subnets;
  bool for_new_pods = false;
  int pods = 0;
};

// The networks of new pods, those that pods still have from another configuration, and those of users.
std::vector<Network> NetworksIn(const api::NetworkStatusResponse& status,
                                const std::vector<api::Network>& of_users) {
  std::map<std::string, int> pods;  // by PodAttachment::network
  for (const api::PodAttachment& pod : status.pods()) ++pods[pod.network()];
  std::vector<Network> networks;
  auto take = [&](const std::string& key) { return pods.contains(key) ? pods.extract(key).mapped() : 0; };
  if (status.has_bridge())
    networks.push_back({"", status.bridge().name(), "bridge", Joined(status.bridge().subnets(), ", "),
                        status.mode() == "bridge", take(status.bridge().name())});
  if (status.has_plugins())
    networks.push_back({"", status.plugins().network(), "cni", "", true, take(status.plugins().file())});
  std::vector<Network> last;
  for (const api::Network& network : of_users)
    last.push_back({network.id(), network.name(), "bridge", Joined(network.spec().subnets(), ", "), false,
                    take(network.id())});
  for (const auto& [file, count] : pods) networks.push_back({"", file, "cni", "", false, count});
  networks.insert(networks.end(), last.begin(), last.end());
  return networks;
}

std::string ToTable(const std::vector<Network>& networks, bool no_trunc) {
  Table table({"NETWORK ID", "NETWORK", "KIND", "SUBNETS", "PODS", "NEW PODS"});
  for (const Network& network : networks)
    table.Add({no_trunc ? network.id : ShortId(network.id), network.name, network.kind, network.subnets,
               std::to_string(network.pods), network.for_new_pods ? "yes" : "no"});
  return table.ToString();
}

json ToJson(const std::vector<Network>& networks) {
  json list = json::array();
  for (const Network& network : networks)
    list.push_back({{"id", network.id},
                    {"name", network.name},
                    {"kind", network.kind},
                    {"subnets", network.subnets},
                    {"pods", network.pods},
                    {"newPods", network.for_new_pods}});
  return list;
}

// --- The whole state

const char* PodsWord(api::ForwardDrop::Pods pods) {
  switch (pods) {
    case api::ForwardDrop::ACCEPTED:
      return "accepted";
    case api::ForwardDrop::LEFT_TO_OWNER:
      return "left-to-owner";
    case api::ForwardDrop::DROPPED:
      return "dropped";
    default:
      return "unknown";
  }
}

const char* PodsSentence(api::ForwardDrop::Pods pods) {
  switch (pods) {
    case api::ForwardDrop::ACCEPTED:
      return "rules of Davit accept pods";
    case api::ForwardDrop::LEFT_TO_OWNER:
      return "rules in it know the pods";
    case api::ForwardDrop::DROPPED:
      return "PODS ARE DROPPED";
    default:
      return "unknown to this version";
  }
}

std::string MasqueradeText(const api::NetworkBridge& bridge) {
  if (!bridge.masquerade()) return "no";
  return bridge.exceptions() == 0 ? "yes"
                                  : "yes, except to " + std::to_string(bridge.exceptions()) + " networks";
}

std::string RulesText(const api::NetworkBridge& bridge) {
  if (!bridge.open()) return "not made";
  return "table inet " + bridge.table() +
         (bridge.owned() ? ", owned by the daemon" : ", open to changes of others");
}

void AddBridge(const api::NetworkBridge& bridge, Table& table) {
  table.Add({"Bridge", bridge.name()});
  table.Add({"Subnets", bridge.subnets().empty() ? "not known yet" : Joined(bridge.subnets(), ", ")});
  if (bridge.mtu() != 0) table.Add({"MTU", std::to_string(bridge.mtu())});
  table.Add({"Masquerade", MasqueradeText(bridge)});
  table.Add({"Rules", RulesText(bridge)});
  for (const api::ForwardDrop& drop : bridge.drops())
    table.Add({"Firewall", drop.chain() + ": " + drop.reason() + "; " + PodsSentence(drop.pods())});
  if (!bridge.firewall_unknown().empty()) table.Add({"Firewall", "not known: " + bridge.firewall_unknown()});
}

void AddChecks(const api::NetworkChecks& checks, Table& table) {
  table.Add({"Last check", AgoText(checks.last()) + ", " + std::to_string(checks.count()) + " in all"});
  std::string repairs = std::to_string(checks.repairs());
  if (checks.repairs() > 0) repairs += ", the last " + AgoText(checks.last_repair());
  table.Add({"Repairs", repairs});
  for (const std::string& what : checks.repaired()) table.Add({"", what});
}

std::string OverviewOf(const api::NetworkStatusResponse& status) {
  Table table({"Mode", Printable(status.mode())});
  table.Add({"Ready", status.ready() ? "yes" : "no: " + status.problem()});
  if (status.has_bridge()) AddBridge(status.bridge(), table);
  if (status.has_plugins())
    table.Add({"Configuration", status.plugins().file() + ", network " + status.plugins().network() +
                                    ", version " + status.plugins().version()});
  if (!status.refused_configuration().empty()) table.Add({"Not in force", status.refused_configuration()});
  AddChecks(status.checks(), table);
  return table.ToString();
}

std::string PodsOf(const api::NetworkStatusResponse& status) {
  if (status.pods().empty()) return {};
  Table table({"POD ID", "POD", "ADDRESSES", "AGE", "NETWORK", "PROBLEM"});
  int64_t now = UnixNanoseconds();
  for (const api::PodAttachment& pod : status.pods())
    table.Add({ShortId(pod.id()), PodName(pod.namespace_(), pod.name()), Joined(pod.addresses(), ","),
               AgeText(pod.since(), now), pod.network(), pod.problem()});
  return "\n" + table.ToString();
}

std::string PortsOf(const api::NetworkStatusResponse& status) {
  if (status.ports().empty()) return {};
  Table table({"HOST PORT", "TO", "POD ID", "POD"});
  for (const api::PublishedPort& port : status.ports())
    table.Add({Endpoint(port.address(), port.port()) + "/" + port.protocol(),
               Endpoint(port.pod_address(), port.pod_port()), ShortId(port.pod_id()),
               PodName(port.pod_namespace(), port.pod_name())});
  return "\n" + table.ToString();
}

json ToJson(const api::NetworkBridge& bridge) {
  json drops = json::array();
  for (const api::ForwardDrop& drop : bridge.drops())
    drops.push_back({{"chain", drop.chain()}, {"reason", drop.reason()}, {"pods", PodsWord(drop.pods())}});
  return {{"name", bridge.name()},
          {"subnets", List(bridge.subnets())},
          {"mtu", bridge.mtu()},
          {"masquerade", bridge.masquerade()},
          {"exceptions", bridge.exceptions()},
          {"open", bridge.open()},
          {"rules", {{"table", bridge.table()}, {"owned", bridge.owned()}}},
          {"drops", drops},
          {"firewallUnknown", bridge.firewall_unknown()}};
}

json ToJson(const api::PodAttachment& pod) {
  return {{"id", pod.id()},
          {"name", pod.name()},
          {"namespace", pod.namespace_()},
          {"addresses", List(pod.addresses())},
          {"since", pod.since()},
          {"network", pod.network()},
          {"problem", pod.problem()}};
}

json ToJson(const api::PublishedPort& port) {
  return {{"protocol", port.protocol()},      {"address", port.address()},           {"port", port.port()},
          {"podAddress", port.pod_address()}, {"podPort", port.pod_port()},          {"podId", port.pod_id()},
          {"podName", port.pod_name()},       {"podNamespace", port.pod_namespace()}};
}

json ToJson(const api::NetworkStatusResponse& status) {
  json pods = json::array();
  for (const api::PodAttachment& pod : status.pods()) pods.push_back(ToJson(pod));
  json ports = json::array();
  for (const api::PublishedPort& port : status.ports()) ports.push_back(ToJson(port));
  const api::NetworkChecks& checks = status.checks();
  json object = {{"mode", status.mode()},
                 {"ready", status.ready()},
                 {"problem", status.problem()},
                 {"refusedConfiguration", status.refused_configuration()},
                 {"pods", pods},
                 {"ports", ports},
                 {"checks",
                  {{"count", checks.count()},
                   {"last", checks.last()},
                   {"repairs", checks.repairs()},
                   {"lastRepair", checks.last_repair()},
                   {"repaired", List(checks.repaired())}}}};
  if (status.has_bridge()) object["bridge"] = ToJson(status.bridge());
  if (status.has_plugins())
    object["plugins"] = {{"file", status.plugins().file()},
                         {"network", status.plugins().network()},
                         {"version", status.plugins().version()}};
  return object;
}

}  // namespace

Result<int> Perform(const Session& session, const NetworkListOptions& options) {
  std::vector<api::Network> of_users = TRY(ListUserNetworks(session.daemon));
  TRY(FilterUserNetworks(options.filters, of_users));
  if (options.quiet || !options.format.empty() || !options.filters.empty()) {
    const std::vector<Column> columns = {
        {"NETWORK ID", "ID"}, {"NAME", "Name"}, {"DRIVER", "Driver"}, {"SCOPE", "Scope"}};
    std::vector<ListRow> rows;
    for (const api::Network& network : of_users) rows.push_back(RowOfUserNetwork(network, options.no_trunc));
    TRY(PrintRows(session.console, options.quiet ? "{{.ID}}" : options.format, columns, rows));
    return 0;
  }
  std::vector<Network> networks = NetworksIn(TRY(Ask(session)), of_users);
  TRY(session.console.format == OutputFormat::kJson
          ? session.console.PrintJson(ToJson(networks))
          : session.console.Print(ToTable(networks, options.no_trunc)));
  return 0;
}

Result<int> Perform(const Session& session, const NetworkStatusOptions& /*options*/) {
  api::NetworkStatusResponse status = TRY(Ask(session));
  TRY(session.console.format == OutputFormat::kJson
          ? session.console.PrintJson(ToJson(status))
          : session.console.Print(OverviewOf(status) + PodsOf(status) + PortsOf(status)));
  return 0;
}

}  // namespace davit::cli
