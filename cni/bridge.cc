// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/guarded.h"
#include "cni/names.h"
#include "cni/sysctl.h"

namespace davit::cni {
namespace {

constexpr size_t kMaxSandboxId = 128;  // it becomes an alias (IFALIASZ 256) and a part of errors

Result<std::optional<Link>> FindExisting(NetlinkSocket& routes, const BridgeConfig& config) {
  std::optional<Link> link = TRY(FindLink(routes, config.name));
  if (link && (link->kind != "bridge" || link->alias != BridgeAlias(config.table))) link.reset();
  return link;
}

Result<IpAddress> Take(AddressPool& pool, const IpAddress& address) {
  TRY(pool.Reserve(address));
  return address;
}

// The first error of several steps that are all taken.
class FirstError {
 public:
  void Take(Result<> result) {
    if (result_ && !result) result_ = std::move(result);
  }
  Result<> result() { return std::move(result_); }

 private:
  Result<> result_;
};

}  // namespace

Result<std::unique_ptr<Bridge>> Bridge::Open(const BridgeConfig& config) {
  TRY(CheckConfig(config));
  if (config.subnets.empty())
    return Fail(Code::kInvalidArgument, "configure bridge", "subnets", "none given");
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  NetlinkSocket conntrack = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  std::unique_ptr<Bridge> bridge(new Bridge(config, std::move(routes), std::move(conntrack)));
  bridge->device_ = DeviceOf(config);
  for (const Subnet& subnet : bridge->device_.subnets) {
    std::optional<IpAddress> resume_at;
    for (const IpAddress& address : config.resume_at)
      if (subnet.Contains(address)) resume_at = address;
    PoolLimits limits{.gateway = GatewayOf(config, subnet)};
    if (limits.gateway != subnet.AddressAt(1)) limits.first = subnet.AddressAt(1);
    bridge->pools_.push_back(std::make_unique<AddressPool>(subnet, resume_at, limits));
  }
  bridge->table_ = TRY(PortTable::Open(TablesOf(config), config.own_tables));
  {
    MutexLock lock(bridge->repair_mutex_);
    bridge->repair_rules_ = std::make_unique<NetlinkSocket>(TRY(NetlinkSocket::Open(NETLINK_NETFILTER)));
    bridge->repair_routes_ = std::make_unique<NetlinkSocket>(TRY(NetlinkSocket::Open(NETLINK_ROUTE)));
  }
  bridge->remover_ = TRY(LinkRemover::Start(RemovalGroup(config.name)));
  bool existed = TRY(Exists(config));
  // The table comes first: taking it fails when another process runs this bridge, before anything is touched.
  TRY(bridge->table_->Restore());
  Result<> made;
  {
    // Host ports of the pods before stay open until Collect.
    MutexLock lock(bridge->repair_mutex_);
    RepairReport report;
    made = bridge->ReconcileBridge(report);
  }
  if (made) return bridge;
  if (existed) return std::unexpected(std::move(made).error());
  // There is nothing better to say than what has failed first. Interfaces of pods, which may have lost their
  // bridge, wait for the next attempt.
  (void)bridge->table_->Destroy();
  MutexLock lock(bridge->routes_mutex_);
  if (bridge->index_ != 0) (void)DeleteLink(bridge->routes_, bridge->index_);
  return std::unexpected(std::move(made).error());
}

Result<bool> Bridge::Exists(const BridgeConfig& config) {
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  return TRY(FindExisting(routes, config)).has_value();
}

Result<std::vector<Subnet>> Bridge::ExistingSubnets(const BridgeConfig& config) {
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  std::optional<Link> bridge = TRY(FindExisting(routes, config));
  if (!bridge) return std::vector<Subnet>();
  std::vector<Subnet> subnets;
  for (const InterfaceAddress& address : TRY(ListAddresses(routes))) {
    bool first = std::ranges::none_of(
        subnets, [&](const Subnet& subnet) { return subnet.base.family == address.address.family; });
    if (address.index == bridge->index && address.scope == RT_SCOPE_UNIVERSE && first)
      subnets.push_back(SubnetOf(address.address, address.prefix));
  }
  return subnets;
}

Result<std::vector<IpAddress>> Bridge::AllocateAddresses(const std::vector<IpAddress>& wanted) {
  for (const IpAddress& address : wanted)
    if (PoolOf(address) == nullptr)
      return Fail(Code::kInvalidArgument, "allocate address", address.ToString(),
                  "it is in no subnet of " + name_);
  std::vector<IpAddress> addresses;
  for (const auto& pool : pools_) {
    auto of_pool = [&](const IpAddress& address) { return pool->subnet().Contains(address); };
    auto chosen = std::ranges::find_if(wanted, of_pool);
    Result<IpAddress> address = chosen == wanted.end() ? pool->Allocate() : Take(*pool, *chosen);
    if (!address) {
      ReleaseAddresses(addresses);
      return std::unexpected(std::move(address).error());
    }
    addresses.push_back(*address);
  }
  return addresses;
}

std::vector<IpAddress> Bridge::Behind(const std::vector<IpAddress>& addresses, uint64_t count) const {
  std::vector<IpAddress> behind;
  for (const IpAddress& address : addresses)
    if (const AddressPool* pool = PoolOf(address)) behind.push_back(pool->Behind(address, count));
  return behind;
}

Result<> Bridge::ReserveAddresses(const std::vector<IpAddress>& addresses) {
  for (size_t i = 0; i < addresses.size(); ++i) {
    AddressPool* pool = PoolOf(addresses[i]);
    Result<> reserved = pool != nullptr ? pool->Reserve(addresses[i])
                                        : Fail(Code::kInvalidArgument, "reserve address",
                                               addresses[i].ToString(), "in no subnet of " + name_);
    if (reserved) continue;
    ReleaseAddresses({addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(i)});
    return reserved;
  }
  return {};
}

void Bridge::ReleaseAddresses(const std::vector<IpAddress>& addresses) {
  for (const IpAddress& address : addresses)
    if (AddressPool* pool = PoolOf(address)) pool->Release(address);
}

Result<Attachment> Bridge::Attach(const std::string& sandbox_id, int netns_fd,
                                  const std::vector<IpAddress>& addresses,
                                  const std::vector<PortMapping>& ports, const TrafficLimits& limits) {
  if (sandbox_id.empty() || sandbox_id.size() > kMaxSandboxId)
    return Fail(Code::kInvalidArgument, "attach pod", sandbox_id, "a sandbox id has 1 to 128 characters");
  if (addresses.empty()) return Fail(Code::kInvalidArgument, "attach pod", sandbox_id, "no addresses");
  Attachment attachment{
      addresses, HostInterfaceName(name_, sandbox_id), FormatMac(PodMac(addresses.front())), {}, limits};
  std::ranges::copy_if(ports, std::back_inserter(attachment.ports),
                       [](const auto& p) { return p.host_port != 0; });
  std::vector<HostPort> host_ports = TRY(ExpandMappings(ports, addresses));
  TRY(ClaimPorts(sandbox_id, host_ports));

  // Also after an exception: a record without an interface names no ports, so nobody else would close them.
  Result<> connected =
      Guarded("connect", sandbox_id, [&] { return Connect(sandbox_id, netns_fd, attachment, host_ports); });
  if (connected) return attachment;
  Result<> undone = Guarded("detach", sandbox_id, [&] { return Detach(sandbox_id, attachment); });
  Error error = Within("attach pod", std::move(connected).error());
  if (!undone) error.context += " (undoing it failed too: " + undone.error().ToString() + ")";
  return std::unexpected(std::move(error));
}

Result<> Bridge::ClaimPorts(const std::string& sandbox_id, const std::vector<HostPort>& ports) {
  Result<> claimed = claims_.Claim(sandbox_id, ports);
  if (claimed) return claimed;
  for (const std::string& holder : claims_.HoldersOf(ports))
    if (holder != sandbox_id) TRY(GiveWay(holder));
  return claims_.Claim(sandbox_id, ports);
}

// A pod whose interface is gone, with its network namespace (its shim has died, the host was rebooted), is
// stopped and removed by its owner some day. Until then it gives its host ports to any other pod.
Result<> Bridge::GiveWay(const std::string& holder) {
  // By the alias: the name may be another for a moment.
  for (const Link& link : TRY(PodLinks()))
    if (link.kind == "veth" && link.alias == holder) return {};
  MutexLock lock(pods_mutex_);
  auto pod = pods_.find(holder);
  if (pod == pods_.end()) return {};  // it is being attached or detached now
  TRY(table_->Remove(pod->second.ports));
  claims_.Release(holder, pod->second.ports);
  pod->second.ports.clear();
  return {};
}

Result<> Bridge::Connect(const std::string& sandbox_id, int netns_fd, const Attachment& attachment,
                         const std::vector<HostPort>& ports) {
  TRY(MakeInterface(sandbox_id, netns_fd, attachment));
  if (attachment.limits.any()) TRY(LimitPod(attachment));
  TRY(OpenPorts(sandbox_id, attachment, ports));
  ForgetFlows(ports, Flows::kToHostPort);
  return {};
}

Result<> Bridge::OpenPorts(const std::string& sandbox_id, const Attachment& attachment,
                           const std::vector<HostPort>& ports) {
  MutexLock lock(pods_mutex_);
  TRY(table_->Add(ports));
  pods_[sandbox_id] = {attachment.host_interface, ports, attachment.limits};
  return {};
}

Result<> Bridge::LimitPod(const Attachment& attachment) {
  MutexLock lock(routes_mutex_);
  std::optional<Link> host = TRY(FindLink(routes_, attachment.host_interface));
  if (!host) return Fail(Code::kNotFound, "limit traffic", attachment.host_interface, "the link vanished");
  return LimitTraffic(routes_, *host, attachment.limits);
}

Result<> Bridge::MakeInterface(const std::string& sandbox_id, int netns_fd, const Attachment& attachment) {
  PodInterface interface = TRY(PodEnd(attachment.addresses));
  VethPair pair{.host_name = attachment.host_interface,
                .alias = sandbox_id,
                .bridge_index = index_,
                .mtu = mtu_,
                .pod_mac = PodMac(attachment.addresses.front()),
                .ipv6 = KernelHasIpv6(),
                .netns_fd = netns_fd};
  NetlinkSocket pod = TRY(EnterPod(netns_fd));
  {
    MutexLock lock(routes_mutex_);
    TRY(CreateVeth(routes_, pair));
  }
  TRY(ConfigurePod(netns_fd, pod, interface));
  {
    MutexLock lock(routes_mutex_);
    TRY(SettleCarrier(routes_, pair));
  }
  return SettleIpv6(pod, interface.addresses);
}

Result<PodInterface> Bridge::PodEnd(const std::vector<IpAddress>& addresses) const {
  PodInterface interface;
  for (const IpAddress& address : addresses) {
    const AddressPool* pool = PoolOf(address);
    if (pool == nullptr)
      return Fail(Code::kInvalidArgument, "place address", address.ToString(), "in no subnet of " + name_);
    interface.addresses.push_back({address, pool->subnet().prefix});
    if (routed_) interface.routes.push_back(DefaultRoute(pool->gateway()));
  }
  return interface;
}

AddressPool* Bridge::PoolOf(const IpAddress& address) const {
  for (const auto& pool : pools_)
    if (pool->subnet().Contains(address)) return pool.get();
  return nullptr;
}

Result<> Bridge::Detach(const std::string& sandbox_id, const Attachment& attachment) {
  FirstError error;
  error.Take(ClosePorts(sandbox_id, attachment));
  error.Take(RemoveInterface(sandbox_id, attachment.limits.any()));
  Result<> done = error.result();
  if (!done) return std::unexpected(Within("detach pod", std::move(done).error()));
  return {};
}

// A claim is given up only when the element is gone, so that the next holder finds its key free.
Result<> Bridge::ClosePorts(const std::string& sandbox_id, const Attachment& attachment) {
  std::vector<HostPort> ports = TRY(ExpandMappings(attachment.ports, attachment.addresses));
  std::vector<HostPort> closing = claims_.NotOfOthers(sandbox_id, ports);
  {
    MutexLock lock(pods_mutex_);
    pods_.erase(sandbox_id);
    TRY(table_->Remove(closing));
  }
  claims_.Release(sandbox_id, ports);
  ForgetFlows(closing, Flows::kIntoPod);
  return {};
}

// By the name that follows from the sandbox, so that an attachment whose record was never finished goes as
// well.
Result<> Bridge::RemoveInterface(const std::string& sandbox_id, bool limited) {
  MutexLock lock(routes_mutex_);
  std::string interface = HostInterfaceName(name_, sandbox_id);
  std::vector<std::string> names = {interface};
  if (limited) names.push_back(IfbName(interface));
  for (const std::string& name : names) {
    std::optional<Link> link = TRY(FindLink(routes_, name));
    if (link && link->alias == sandbox_id) remover_->Remove(link->index);
  }
  return {};
}

void Bridge::ForgetFlows(const std::vector<HostPort>& ports, Flows flows) {
  if (ports.empty()) return;
  MutexLock lock(conntrack_mutex_);
  Result<> done = ForgetUdpFlows(conntrack_, ports, flows);
  if (!done) flows_trouble_ = done.error().ToString();
}

Result<std::map<std::string, Error>> Bridge::Collect(const std::map<std::string, Attachment>& live) {
  std::set<std::string> present;
  for (const Link& link : TRY(PodLinks())) {
    if (!live.contains(link.alias) && IsOfPod(link)) remover_->Remove(link.index);
    // Also if somebody has renamed it: that is repaired below.
    if (live.contains(link.alias) && link.kind == "veth") present.insert(link.alias);
  }
  claims_.Clear();
  std::map<std::string, Error> problems;
  {
    MutexLock lock(pods_mutex_);
    pods_.clear();
    for (const auto& [id, attachment] : live) {
      LivePod& pod = pods_[id] = {HostInterfaceName(name_, id), {}, attachment.limits};
      Result<std::vector<HostPort>> ports = ClaimAgain(id, attachment, present.contains(id));
      if (ports)
        pod.ports = std::move(*ports);
      else
        problems.emplace(id, std::move(ports).error());
    }
  }
  MutexLock lock(repair_mutex_);
  RepairReport report;
  Result<> links = ReconcileBridge(report);
  TRY(ReconcilePorts(report));
  TRY(std::move(links));
  return problems;
}

// Host ports of a pod whose interface is gone lead nowhere: another pod may have them.
Result<std::vector<HostPort>> Bridge::ClaimAgain(const std::string& sandbox_id, const Attachment& attachment,
                                                 bool has_interface) {
  if (attachment.host_interface != HostInterfaceName(name_, sandbox_id) &&
      attachment.host_interface != FormerHostInterfaceName(name_, sandbox_id))
    return Fail(Code::kFailedPrecondition, "take over pod", sandbox_id,
                "its interface " + attachment.host_interface + " is of another bridge than " + name_);
  std::vector<HostPort> ports = TRY(ExpandMappings(attachment.ports, attachment.addresses));
  if (!has_interface) return std::vector<HostPort>();
  TRY(claims_.Claim(sandbox_id, ports));
  return ports;
}

Result<std::vector<Link>> Bridge::PodLinks() {
  MutexLock lock(routes_mutex_);
  std::vector<Link> links = TRY(ListLinks(routes_));
  std::erase_if(links, [](const Link& link) { return link.kind != "veth" && link.kind != "ifb"; });
  return links;
}

// By its name a host end of this instance, on the bridge or, when somebody made that anew, on none; or the
// device that limits what comes out of a pod.
bool Bridge::IsOfPod(const Link& link) const {
  if (link.kind == "ifb") return link.name.starts_with(IfbName(HostInterfacePrefix(name_)));
  bool ours = link.name.starts_with(HostInterfacePrefix(name_)) ||
              link.name.starts_with(FormerHostInterfacePrefix(name_));
  return ours && (link.master == 0 || link.master == index_);
}

// First the end that receives what the bridge may send, then the other: what is too large for an end is
// dropped there.
Result<> Bridge::SetPodMtu(const std::string& sandbox_id, int netns_fd) {
  uint32_t mtu = mtu_;
  NetlinkSocket pod = TRY(EnterPod(netns_fd));
  std::optional<Link> inside = TRY(FindLink(pod, kPodInterface));
  MutexLock attached(pods_mutex_);  // or its interface may just be going
  MutexLock lock(routes_mutex_);
  std::optional<Link> link = TRY(FindLink(routes_, HostInterfaceName(name_, sandbox_id)));
  bool ours = link && link->alias == sandbox_id && pods_.contains(sandbox_id);
  if (!ours || !inside || mtu == 0 || link->mtu == mtu) return {};
  NetlinkBatch pod_end;
  SetMtu(pod_end, inside->index, mtu);
  TRY(pod.Execute(pod_end));
  NetlinkBatch host_end;
  SetMtu(host_end, link->index, mtu);
  return routes_.Execute(host_end);
}

Result<std::map<std::string, LinkCounters>> Bridge::Counters() const {
  std::string prefix = HostInterfacePrefix(name_);
  std::map<std::string, LinkCounters> counters;
  MutexLock lock(routes_mutex_);
  for (const LinkCounters& link : TRY(ListLinkCounters(routes_)))
    if (link.name.starts_with(prefix)) counters.emplace(link.name, OtherEnd(link, kPodInterface));
  return counters;
}

void Bridge::WaitForRemovals() {
  remover_->Wait();
}

Result<> Bridge::Destroy() {
  watch_.reset();
  MutexLock repair(repair_mutex_);
  RemoveForwardAccepts(*repair_rules_, Forwarding());
  remover_->Wait();
  std::vector<uint32_t> indexes;
  for (const Link& link : TRY(PodLinks()))
    if (IsOfPod(link)) indexes.push_back(link.index);
  FirstError error;
  {
    MutexLock lock(routes_mutex_);
    error.Take(DeleteLinks(routes_, indexes, RemovalGroup(name_)));
    error.Take(DeleteLink(routes_, index_));
  }
  error.Take(table_->Destroy());
  claims_.Clear();
  MutexLock lock(pods_mutex_);
  pods_.clear();
  Result<> done = error.result();
  destroyed_ = done.has_value();
  return done;
}

}  // namespace davit::cni
