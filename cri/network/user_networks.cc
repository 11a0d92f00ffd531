// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/user_networks.h"

#include <linux/netlink.h>
#include <net/if.h>

#include <utility>

#include "base/rollback.h"
#include "cni/link.h"
#include "cni/names.h"
#include "cni/netlink.h"
#include "cni/route.h"

namespace davit::cri {
namespace {

std::string TableOf(const std::string& bridge) {
  return "davit-" + bridge;
}

}  // namespace

UserNetworks::UserNetworks(Options options, const Logger& log) : options_(std::move(options)), log_(log) {}

// The bridges call health_, whose thread uses the bridges.
UserNetworks::~UserNetworks() {
  for (const Known& network : All()) network.bridge->StopWatching();
  std::unique_ptr<NetworkHealth> health;
  {
    MutexLock lock(mutex_);
    health = std::move(health_);
  }
}

UserNetworks::BridgePtr UserNetworks::MakeBridge(const UserNetwork& network) {
  cni::BridgeConfig config;
  config.name = network.bridge;
  config.table = TableOf(network.bridge);
  config.subnets = network.subnets;
  config.gateways = network.gateways;
  config.mtu = options_.node.mtu;
  config.follow_uplink = options_.node.follow_uplink;
  config.own_tables = options_.node.own_tables;
  config.routed = config.masquerade = !network.internal;
  return std::make_shared<BridgeNetwork>(config, StoredSetting(), [this] { LookAgain(); });
}

void UserNetworks::AfterLooks(std::function<Result<>()> after) {
  MutexLock lock(after_mutex_);
  after_look_ = std::move(after);
}

void UserNetworks::Define(const UserNetwork& network) {
  MutexLock lock(mutex_);
  networks_[network.id] = {network, MakeBridge(network)};
}

void UserNetworks::Seal(const std::string& bridge) {
  MutexLock lock(mutex_);
  sealed_.push_back(bridge);
}

std::vector<std::string> UserNetworks::Sealed() const {
  MutexLock lock(mutex_);
  return sealed_;
}

Result<UserNetworks::BridgePtr> UserNetworks::Find(const std::string& id) const {
  MutexLock lock(mutex_);
  auto found = networks_.find(id);
  if (found == networks_.end()) return Fail(Code::kNotFound, "find network", id, "there is no such network");
  return found->second.bridge;
}

std::vector<UserNetworks::Known> UserNetworks::All() const {
  MutexLock lock(mutex_);
  std::vector<Known> all;
  for (const auto& [id, network] : networks_) all.push_back(network);
  return all;
}

// Pods of a network without a definition keep nothing: what there is of their network ends with their network
// namespaces.
std::map<std::string, Error> UserNetworks::Recover(const std::vector<RecordedPod>& pods) {
  std::map<std::string, std::vector<RecordedPod>> by_network;
  for (const RecordedPod& pod : pods) by_network[pod.record.network].push_back(pod);
  std::map<std::string, Error> problems;
  bool none = All().empty() && Sealed().empty();
  if (Result<> isolated = none ? Result<>() : Isolate(); !isolated)
    log_.Log(LogLevel::kError, "user networks are not isolated", {{"error", isolated.error().ToString()}});
  for (const Known& network : All()) {
    network.bridge->Recover(by_network[network.definition.id]);
    by_network.erase(network.definition.id);
    (void)network.bridge->Open();  // a failure is found again by Look
    problems.merge(network.bridge->TakeProblems());
  }
  for (const auto& [id, lost] : by_network)
    for (const RecordedPod& pod : lost) problems.emplace(pod.record.id, Find(id).error());
  if (none) return problems;
  if (Result<> looking = StartLooking(); !looking)
    log_.Log(LogLevel::kError, "user networks are not watched", {{"error", looking.error().ToString()}});
  return problems;
}

// First the rules, so that the bridge never connects what is to be apart.
Result<> UserNetworks::Add(const UserNetwork& network) {
  Rollback rollback;
  Define(network);
  rollback.Add([&] {
    Result<> removed = Remove(network.id);
    if (!removed) log_.Log(LogLevel::kError, "network not removed", {{"error", removed.error().ToString()}});
  });
  TRY(Isolate());
  TRY(TRY(Find(network.id))->Open());
  TRY(StartLooking());
  rollback.Dismiss();
  return {};
}

Result<> UserNetworks::Remove(const std::string& id) {
  {
    MutexLock bridges(bridges_mutex_);
    Result<BridgePtr> bridge = Find(id);
    if (!bridge) return {};
    TRY((*bridge)->Retire());
    if ((*bridge)->HasLeases())
      return Fail(Code::kFailedPrecondition, "remove network", id, "containers are connected to it");
    MutexLock lock(mutex_);
    networks_.erase(id);
  }
  return Isolate();
}

bool UserNetworks::Has(const std::string& id) const {
  return Find(id).has_value();
}

// Routes of pods' interfaces are of their subnets, which the bridges have.
Result<std::vector<std::pair<cni::Subnet, std::string>>> UserNetworks::TakenSubnets() const {
  cni::NetlinkSocket routes = TRY(cni::NetlinkSocket::Open(NETLINK_ROUTE));
  std::map<uint32_t, std::string> names;
  std::vector<std::pair<cni::Subnet, std::string>> taken;
  for (const cni::Link& link : TRY(cni::ListLinks(routes))) {
    names[link.index] = link.name;
    if (link.kind == "veth" && link.master != 0) continue;
    for (const cni::Route& route : TRY(cni::ListRoutes(routes, link.index)))
      if (route.destination.prefix > 0) taken.emplace_back(route.destination, link.name);
  }
  for (const cni::InterfaceAddress& address : TRY(cni::ListAddresses(routes)))
    taken.emplace_back(cni::SubnetOf(address.address, address.prefix), names[address.index]);
  return taken;
}

uint32_t UserNetworks::DeviceOf(const std::string& bridge) const {
  return if_nametoindex(bridge.c_str());
}

Result<> UserNetworks::Isolate() {
  std::vector<cni::IsolatedNetwork> isolated;
  for (const Known& network : All()) {
    cni::BridgeConfig config{.subnets = network.definition.subnets, .gateways = network.definition.gateways};
    isolated.push_back(
        {network.definition.bridge, network.definition.internal, cni::DeviceOf(config).gateways});
  }
  for (std::string& bridge : Sealed()) isolated.push_back({std::move(bridge), /*internal=*/true});
  if (!isolated.empty()) isolated.push_back({options_.node.name});
  MutexLock lock(isolation_mutex_);
  if (isolation_ == nullptr)
    isolation_ = TRY(cni::Isolation::Open(TableOf(options_.node.name) + "-users", options_.node.own_tables));
  TRY(isolation_->Ensure(isolated));
  return {};
}

Result<> UserNetworks::StartLooking() {
  MutexLock lock(mutex_);
  if (health_ != nullptr) return {};
  NetworkHealth::Options options = options_.health;
  options.periodic = false;  // the kernel announces what happens to a bridge
  options.watched_dir.clear();
  health_ = TRY(NetworkHealth::Start(options, [this](int) { return Look(); }));
  return {};
}

void UserNetworks::LookAgain() {
  MutexLock lock(mutex_);
  if (health_ != nullptr) health_->LookAgain();
}

bool UserNetworks::AwaitLook(std::chrono::milliseconds patience) {
  NetworkHealth* health = nullptr;
  {
    MutexLock lock(mutex_);
    health = health_.get();
  }
  return health == nullptr || health->AwaitLook(patience);
}

// On the thread of health_, as the next two.
Result<> UserNetworks::Look() {
  Result<> judgement = Isolate();
  for (const Known& network : All())
    if (Result<> works = LookAt(network); !works && judgement) judgement = std::move(works);
  if (!judgement)
    log_.Log(LogLevel::kError, "a user network does not work", {{"error", judgement.error().ToString()}});
  MutexLock lock(after_mutex_);
  Result<> after = after_look_ ? after_look_() : Result<>();
  return judgement ? after : judgement;
}

// A network that was removed meanwhile is none to judge.
Result<> UserNetworks::LookAt(const Known& network) {
  auto looked = [&]() -> Result<cni::RepairReport> {
    {
      MutexLock lock(bridges_mutex_);
      if (!Has(network.definition.id)) return cni::RepairReport();
      TRY(network.bridge->Open());
    }
    return network.bridge->Reconcile();
  };
  Result<cni::RepairReport> report = looked();
  if (!report && !Has(network.definition.id)) return {};
  for (const auto& [id, problem] : network.bridge->TakeProblems())
    log_.Log(LogLevel::kError, "pod not taken over by its network",
             {{"sandbox", id}, {"error", problem.ToString()}});
  TRY(std::move(report));
  CorrectMtu(network.bridge, report->other_mtu);
  std::string found;
  for (const std::string& what : report->repaired) found += (found.empty() ? "" : "; ") + what;
  if (!found.empty())
    log_.Log(LogLevel::kWarning, "network repaired",
             {{"bridge", network.definition.bridge}, {"found", found}});
  return {};
}

void UserNetworks::CorrectMtu(const BridgePtr& bridge, const std::vector<std::string>& pods) {
  MutexLock lock(enter_mutex_);
  if (!enter_) return;
  for (const std::string& id : pods)
    enter_(id, [this, id, bridge](Result<UniqueFd> netns) {
      if (Result<> done = bridge->SetPodMtu(id, std::move(netns)); !done)
        log_.Log(LogLevel::kWarning, "pod keeps another MTU than the bridge",
                 {{"sandbox", id}, {"error", done.error().ToString()}});
    });
}

void UserNetworks::EnterPodsBy(PodNetwork::Enter enter) {
  MutexLock lock(enter_mutex_);
  enter_ = std::move(enter);
}

Result<> UserNetworks::Choose(SandboxRecord& record) {
  return TRY(Find(record.network))->Lease(record);
}

void UserNetworks::GiveBack(const SandboxRecord& record) {
  if (Result<BridgePtr> bridge = Find(record.network)) (*bridge)->GiveBack(record.id);
}

Result<> UserNetworks::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                              SandboxRecord& record) {
  return TRY(Find(record.network))->Attach(config, netns_fd, record);
}

Result<Leftovers> UserNetworks::Detach(const runtime::v1::PodSandboxConfig& config,
                                       const SandboxRecord& record) {
  Result<BridgePtr> bridge = Find(record.network);
  if (!bridge) return Leftovers{std::move(bridge).error()};
  return (*bridge)->Detach(config, record);
}

Result<> UserNetworks::AddCounters(BridgeCounters& counters) {
  for (const Known& network : All()) counters.merge(TRY(network.bridge->Counters()));
  return {};
}

std::optional<cni::LinkCounters> UserNetworks::CountersOf(const std::string& sandbox_id,
                                                          const BridgeCounters& counters) const {
  MutexLock lock(mutex_);
  for (const auto& [id, network] : networks_) {
    auto found = counters.find(cni::HostInterfaceName(network.definition.bridge, sandbox_id));
    if (found != counters.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace davit::cri
