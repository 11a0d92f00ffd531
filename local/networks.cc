// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/networks.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/file_io.h"
#include "base/ids.h"
#include "base/rollback.h"
#include "cni/names.h"
#include "cri/network/network_request.h"
#include "cri/service/field_limits.h"

namespace davit::local {
namespace {

constexpr size_t kShortId = 12;
constexpr size_t kBridgeDigits = 10;  // 15 characters in all, the limit of an interface's name
constexpr char kBridgePrefix[] = "davit";
constexpr char kResolvConf[] = "/etc/resolv.conf";

std::string Short(const std::string& id) {
  return id.substr(0, kShortId);
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Networks::Networks(Ports ports) : ports_(std::move(ports)) {
  ports_.bridges.AfterLooks([this] { return AnswerNames(); });
}

Networks::~Networks() {
  ports_.bridges.AfterLooks(nullptr);
}

Result<> Networks::Load() {
  for (const cri::LocalRow& row : TRY(ports_.store.Networks()))
    if (Result<> loaded = LoadOne(row); !loaded)
      ports_.log.Log(LogLevel::kError, "record of a network not read",
                     {{"network", row.id}, {"error", loaded.error().ToString()}});
  return {};
}

// One that cannot be read stays in the database, and its bridge at the host, for a release that can.
Result<> Networks::LoadOne(const cri::LocalRow& row) {
  Network network;
  network.record = TRY(Decode<NetworkRecord>(row.blob, "record of network " + row.id));
  if (network.record.id != row.id || !network.spec.ParseFromString(network.record.spec))
    return Fail(Code::kDataLoss, "decode", "record of network " + row.id);
  network.plan = TRY(PlanNetwork(network.spec, {}));
  network.names = std::make_shared<dns::Names>(network.record.name);
  ports_.bridges.Define(BridgeOf(network));
  MutexLock lock(mutex_);
  networks_.emplace(row.id, std::move(network));
  return {};
}

cri::UserNetwork Networks::BridgeOf(const Network& network) {
  return {network.record.id, network.record.bridge, network.plan.subnets, network.plan.gateways,
          network.spec.internal()};
}

void Networks::Begin() {
  {
    MutexLock lock(mutex_);
    begun_ = true;
  }
  if (Result<> answers = AnswerNames(); !answers)
    ports_.log.Log(LogLevel::kError, "names of a network are not answered",
                   {{"error", answers.error().ToString()}});
}

Result<std::string> Networks::Create(const std::string& name, const api::NetworkSpec& spec) {
  TRY(CheckNetworkName(name));
  MutexLock changes(changes_mutex_);
  Network network = TRY(Plan(name, spec));
  const std::string id = network.record.id;
  Rollback rollback;
  // The record comes first: from here on a crash leaves nothing that the next start does not know.
  TRY(ports_.store.PutNetwork({id, Encode(network.record)}));
  rollback.Add([&] { (void)ports_.store.DeleteNetwork(id); });
  {
    MutexLock lock(mutex_);
    networks_.emplace(id, network);
  }
  rollback.Dismiss();
  Result<> made = Make(network);
  if (made) ports_.events.Note("network", "create", id, {{"name", name}});
  if (made) return id;
  Error error = Within("create network " + name, std::move(made).error());
  if (Result<> removed = RemoveOne(id); !removed)
    error.context += " (undoing it failed too: " + removed.error().ToString() + ")";
  return std::unexpected(std::move(error));
}

Result<Networks::Network> Networks::Plan(const std::string& name, const api::NetworkSpec& spec) {
  std::vector<TakenSubnet> taken = TRY(ports_.bridges.TakenSubnets());
  for (const cni::Subnet& subnet : ports_.node_subnets) taken.emplace_back(subnet, ports_.node_bridge);
  {
    MutexLock lock(mutex_);
    if (networks_.size() >= kMost)
      return Fail(Code::kResourceExhausted, "create network", name,
                  "there are " + std::to_string(kMost) + " networks, which is the limit");
    for (const auto& [id, other] : networks_) {
      if (other.record.name == name)
        return Fail(Code::kAlreadyExists, "create network", name,
                    "the name is in use by network " + Short(id));
      for (const cni::Subnet& subnet : other.plan.subnets)
        taken.emplace_back(subnet, "network " + other.record.name);
    }
  }
  Network network{.record = TRY(NewRecord(name)),
                  .spec = spec,
                  .plan = TRY(PlanNetwork(spec, taken)),
                  .names = std::make_shared<dns::Names>(name)};
  network.spec.clear_subnets();
  network.spec.clear_gateways();
  for (const cni::Subnet& subnet : network.plan.subnets) network.spec.add_subnets(subnet.ToString());
  for (const cni::IpAddress& gateway : network.plan.gateways) network.spec.add_gateways(gateway.ToString());
  network.record.spec = network.spec.SerializeAsString();
  return network;
}

// Interfaces of pods are known to be of a bridge by a prefix, of which there are 65,536.
Result<NetworkRecord> Networks::NewRecord(const std::string& name) const {
  NetworkRecord record;
  record.name = name;
  record.created_at = ports_.clock.UnixNanoseconds();
  while (true) {
    record.id = TRY(NewId());
    record.bridge = kBridgePrefix + record.id.substr(0, kBridgeDigits);
    std::string prefix = cni::HostInterfacePrefix(record.bridge);
    bool taken = prefix == cni::HostInterfacePrefix(ports_.node_bridge);
    MutexLock lock(mutex_);
    for (const auto& [id, other] : networks_)
      taken = taken || prefix == cni::HostInterfacePrefix(other.record.bridge);
    if (!taken) return record;
  }
}

Result<> Networks::Make(const Network& network) {
  TRY(ports_.bridges.Add(BridgeOf(network)));
  TRY(AnswerNames());
  MutexLock lock(mutex_);
  const std::string& problem = networks_.at(network.record.id).problem;
  if (!problem.empty()) return Fail(Code::kFailedPrecondition, "answer names", network.record.name, problem);
  return {};
}

// A network whose port is taken by another program does not keep the others from being served.
Result<> Networks::AnswerNames() {
  MutexLock lock(mutex_);
  if (!begun_) return {};
  Result<> judgement;
  for (auto& [id, network] : networks_) {
    uint32_t device = ports_.bridges.DeviceOf(network.record.bridge);
    if (device == 0 || network.removing || ports_.names.DeviceOf(id) == device) continue;
    dns::ServerConfig config;
    config.addresses = network.plan.gateways;
    config.device = device;
    config.zone = {network.plan.subnets, !network.spec.internal()};
    Result<> served = ports_.names.Serve(id, config, network.names);
    network.problem = served ? "" : served.error().ToString();
    if (!served && judgement) judgement = std::move(served);
  }
  return judgement;
}

Result<std::string> Networks::Find(const std::string& text) const {
  if (networks_.contains(text)) return text;
  for (const auto& [id, network] : networks_)
    if (network.record.name == text) return id;
  auto found = networks_.lower_bound(text);
  if (text.empty() || found == networks_.end() || !found->first.starts_with(text))
    return Fail(Code::kNotFound, "find network", text, "no such network");
  auto next = std::next(found);
  if (next != networks_.end() && next->first.starts_with(text))
    return Fail(Code::kInvalidArgument, "find network", text, "several ids begin like this");
  return found->first;
}

std::vector<std::string> Networks::MembersOf(const std::string& network) const {
  std::vector<std::string> names;
  for (const auto& [id, member] : members_)
    if (member.network == network) names.push_back(member.name);
  std::ranges::sort(names);
  return names;
}

Result<std::string> Networks::BeginRemoval(const std::string& network) {
  MutexLock lock(mutex_);
  std::string id = TRY(Find(network));
  std::vector<std::string> members = MembersOf(id);
  if (!members.empty())
    return Fail(Code::kFailedPrecondition, "remove network", networks_.at(id).record.name,
                "containers use it: " + Listed(members));
  networks_.at(id).removing = true;
  return id;
}

Result<std::string> Networks::Remove(const std::string& network) {
  MutexLock changes(changes_mutex_);
  std::string id = TRY(BeginRemoval(network));
  std::string name;
  {
    MutexLock lock(mutex_);
    name = networks_.at(id).record.name;
  }
  TRY(RemoveOne(id));
  ports_.events.Note("network", "destroy", id, {{"name", name}});
  return name;
}

// Each step can be repeated: one that fails leaves a network that can be removed again.
Result<> Networks::RemoveOne(const std::string& id) {
  ports_.names.Stop(id);
  Result<> removed = ports_.bridges.Remove(id);
  if (removed) removed = ports_.store.DeleteNetwork(id);
  MutexLock lock(mutex_);
  if (removed)
    networks_.erase(id);
  else
    networks_.at(id).problem = "not removed: " + removed.error().ToString();
  return removed;
}

Result<std::vector<std::string>> Networks::Prune() {
  std::vector<std::string> candidates;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, network] : networks_)
      if (MembersOf(id).empty()) candidates.push_back(id);
  }
  std::vector<std::string> removed;
  for (const std::string& id : candidates) {
    Result<std::string> name = Remove(id);
    if (name)
      removed.push_back(*name);
    else if (name.error().code != Code::kNotFound && name.error().code != Code::kFailedPrecondition)
      return std::unexpected(std::move(name).error());
  }
  return removed;
}

Result<> Networks::AddMember(const std::string& id, const std::string& name, const api::ContainerSpec& spec) {
  if (spec.network() != api::ContainerSpec::USER) return {};
  MutexLock lock(mutex_);
  Result<std::string> found = Find(spec.network_name());
  // A client takes kNotFound for an image that is missing.
  if (!found) return Fail(Code::kInvalidArgument, "find network", spec.network_name(), found.error().context);
  Member member;
  member.network = *found;
  const Network& network = networks_.at(member.network);
  if (network.removing)
    return Fail(Code::kInvalidArgument, "find network", spec.network_name(), "it is being removed");
  TRY(CheckWantedAddresses(spec, network.plan));
  member.name = name;
  member.aliases.assign(spec.network_aliases().begin(), spec.network_aliases().end());
  for (const std::string& server : spec.dns_servers())
    member.servers.push_back({TRY(cni::IpAddress::Parse(server))});
  members_[id] = std::move(member);
  return {};
}

void Networks::RemoveMember(const std::string& id) {
  Leave(id);
  MutexLock lock(mutex_);
  members_.erase(id);
}

void Networks::RenameMember(const std::string& id, const std::string& name) {
  MutexLock lock(mutex_);
  auto member = members_.find(id);
  if (member == members_.end()) return;
  member->second.name = name;
  if (!member->second.addresses.empty()) Announce(id, member->second);
}

// The container's own resolvers are asked by the responder, which knows the names of the network.
Result<> Networks::Prepare(const std::string& id, const api::ContainerSpec& spec, PodRequest& request) const {
  if (spec.network() != api::ContainerSpec::USER) return {};
  MutexLock lock(mutex_);
  auto member = members_.find(id);
  if (member == members_.end())
    return Fail(Code::kFailedPrecondition, "find network", spec.network_name(), "there is no such network");
  const Network& network = networks_.at(member->second.network);
  request.network.user_network = network.record.id;
  request.network.addresses.assign(spec.network_addresses().begin(), spec.network_addresses().end());
  ::runtime::v1::DNSConfig& dns = *request.pod.mutable_dns_config();
  dns.clear_servers();
  for (const cni::IpAddress& gateway : network.plan.gateways) dns.add_servers(gateway.ToString());
  if (spec.dns_options_size() == 0) dns.add_options("ndots:0");
  if (spec.dns_searches_size() > 0 || network.spec.internal()) return {};
  const std::string of_host = ReadFile(kResolvConf).value_or("");
  for (const std::string& search : dns::ParseResolvConf(of_host).searches) dns.add_searches(search);
  return {};
}

void Networks::Join(const std::string& id, const std::vector<std::string>& addresses) {
  MutexLock lock(mutex_);
  auto member = members_.find(id);
  if (member == members_.end()) return;
  member->second.addresses = addresses;
  Announce(id, member->second);
}

void Networks::Leave(const std::string& id) {
  MutexLock lock(mutex_);
  auto member = members_.find(id);
  if (member == members_.end()) return;
  member->second.addresses.clear();
  auto network = networks_.find(member->second.network);
  if (network != networks_.end()) network->second.names->Remove(id);
}

void Networks::Announce(const std::string& id, const Member& member) {
  auto network = networks_.find(member.network);
  if (network == networks_.end()) return;
  dns::Member announced{.id = id, .names = {member.name}, .servers = member.servers};
  announced.names.insert(announced.names.end(), member.aliases.begin(), member.aliases.end());
  announced.names.insert(announced.names.end(), {id, Short(id)});
  announced.addresses = cri::ParseAddresses(member.addresses).value_or(std::vector<cni::IpAddress>());
  network->second.names->Put(announced);
}

api::Network Networks::ToApi(const Network& network) const {
  api::Network message;
  message.set_id(network.record.id);
  message.set_name(network.record.name);
  *message.mutable_spec() = network.spec;
  message.set_bridge(network.record.bridge);
  message.set_created_at(network.record.created_at);
  message.set_problem(cri::ToResponseText(network.problem));
  for (const auto& [id, member] : members_) {
    if (member.network != network.record.id) continue;
    api::NetworkMember& added = *message.add_containers();
    added.set_id(id);
    added.set_name(member.name);
    for (const std::string& alias : member.aliases) added.add_aliases(alias);
    for (const std::string& address : member.addresses) added.add_addresses(address);
  }
  return message;
}

std::vector<api::Network> Networks::List() const {
  std::vector<api::Network> list;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, network] : networks_) list.push_back(ToApi(network));
  }
  std::ranges::sort(list, {}, [](const api::Network& network) { return network.created_at(); });
  return list;
}

Result<api::Network> Networks::Inspect(const std::string& network) const {
  MutexLock lock(mutex_);
  return ToApi(networks_.at(TRY(Find(network))));
}

}  // namespace davit::local
