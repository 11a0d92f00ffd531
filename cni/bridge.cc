// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge.h"

#include <net/if.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cni/names.h"
#include "cni/sysctl.h"

namespace davit::cni {
namespace {

constexpr char kBridgeAliasPrefix[] = "davit bridge, nftables table ";
constexpr size_t kMaxTableName = 64;
constexpr size_t kMaxSandboxId = 128;  // it becomes an alias (IFALIASZ 256) and a part of errors
constexpr uint32_t kMinMtu = 576, kMinMtuIpv6 = 1280, kMaxMtu = 65535;

Result<> CheckSubnets(const std::vector<Subnet>& subnets) {
  for (const Subnet& subnet : subnets) {
    bool alone = std::ranges::count_if(
                     subnets, [&](const Subnet& s) { return s.base.family == subnet.base.family; }) == 1;
    if (!alone)
      return Fail(Code::kInvalidArgument, "configure bridge", subnet.ToString(), "two subnets of one family");
    if (subnet.HostBits() < 2)
      return Fail(Code::kInvalidArgument, "configure bridge", subnet.ToString(), "too small");
  }
  if (subnets.empty()) return Fail(Code::kInvalidArgument, "configure bridge", "subnets", "none given");
  return {};
}

// The rules of dev_valid_name() in the kernel, and no character that means something in a path or an nft
// script.
Result<> CheckConfig(const BridgeConfig& config) {
  auto bad = [](char c) {
    return !isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.';
  };
  if (config.name.empty() || config.name.size() >= IFNAMSIZ || config.name.starts_with('.') ||
      std::ranges::any_of(config.name, bad))
    return Fail(Code::kInvalidArgument, "configure bridge", config.name,
                "an interface's name is 1 to 15 letters, digits, '-', '_' or '.'");
  if (config.table.empty() || config.table.size() > kMaxTableName || std::ranges::any_of(config.table, bad))
    return Fail(Code::kInvalidArgument, "configure nftables table", config.table,
                "a table's name is 1 to 64 letters, digits, '-', '_' or '.'");
  bool ipv6 = std::ranges::any_of(config.subnets, [](const Subnet& s) { return s.base.family == AF_INET6; });
  if (config.mtu != 0 && (config.mtu < (ipv6 ? kMinMtuIpv6 : kMinMtu) || config.mtu > kMaxMtu))
    return Fail(Code::kInvalidArgument, "configure bridge", "mtu " + std::to_string(config.mtu),
                "out of range");
  return CheckSubnets(config.subnets);
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
  std::vector<Subnet> subnets = config.subnets;
  std::ranges::sort(subnets);
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  NetlinkSocket conntrack = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  std::unique_ptr<Bridge> bridge(new Bridge(config, std::move(routes), std::move(conntrack)));
  bridge->device_ = {config.name, kBridgeAliasPrefix + config.table, config.mtu, subnets, {}};
  for (const Subnet& subnet : subnets) {
    bridge->pools_.push_back(std::make_unique<AddressPool>(subnet));
    bridge->device_.gateways.push_back(bridge->pools_.back()->gateway());
  }
  bridge->table_ = TRY(PortTable::Open({config.table, config.name, subnets}));
  bridge->remover_ = TRY(LinkRemover::Start(RemovalGroup(config.name)));
  TRY(bridge->Restore());
  return bridge;
}

// The table comes first: taking it fails when another process runs this bridge, before anything is touched.
Result<> Bridge::Restore() {
  TRY(table_->Restore());
  MutexLock lock(routes_mutex_);
  index_ = TRY(EnsureBridgeDevice(routes_, device_));
  return EnableForwarding(routes_, device_);
}

Result<std::vector<IpAddress>> Bridge::AllocateAddresses() {
  std::vector<IpAddress> addresses;
  for (const auto& pool : pools_) {
    Result<IpAddress> address = pool->Allocate();
    if (!address) {
      ReleaseAddresses(addresses);
      return std::unexpected(std::move(address).error());
    }
    addresses.push_back(*address);
  }
  return addresses;
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
                                  const std::vector<PortMapping>& ports) {
  if (sandbox_id.empty() || sandbox_id.size() > kMaxSandboxId)
    return Fail(Code::kInvalidArgument, "attach pod", sandbox_id, "a sandbox id has 1 to 128 characters");
  if (addresses.empty()) return Fail(Code::kInvalidArgument, "attach pod", sandbox_id, "no addresses");
  Attachment attachment{
      addresses, HostInterfaceName(name_, sandbox_id), FormatMac(PodMac(addresses.front())), {}};
  std::ranges::copy_if(ports, std::back_inserter(attachment.ports),
                       [](const auto& p) { return p.host_port != 0; });
  std::vector<HostPort> host_ports = TRY(ExpandMappings(ports, addresses));
  TRY(claims_.Claim(sandbox_id, host_ports));

  Result<> connected = Connect(sandbox_id, netns_fd, attachment, host_ports);
  if (connected) return attachment;
  Error error = Within("attach pod", std::move(connected).error());
  if (Result<> undone = Detach(sandbox_id, attachment); !undone)
    error.context += " (undoing it failed too: " + undone.error().ToString() + ")";
  return std::unexpected(std::move(error));
}

Result<> Bridge::Connect(const std::string& sandbox_id, int netns_fd, const Attachment& attachment,
                         const std::vector<HostPort>& ports) {
  TRY(MakeInterface(sandbox_id, netns_fd, attachment));
  if (ports.empty()) return {};
  TRY(table_->Add(ports));
  return ForgetFlows(ports, Flows::kToHostPort);
}

Result<> Bridge::MakeInterface(const std::string& sandbox_id, int netns_fd, const Attachment& attachment) {
  std::vector<PodAddress> addresses = TRY(WithGateways(attachment.addresses));
  VethPair pair{attachment.host_interface, sandbox_id, index_, mtu_, PodMac(attachment.addresses.front()),
                KernelHasIpv6(),           netns_fd};
  NetlinkSocket pod = TRY(EnterPod(netns_fd));
  {
    MutexLock lock(routes_mutex_);
    Result<> made = CreateVeth(routes_, pair);
    if (!made && made.error().os_errno == EEXIST) {
      TRY(RemoveLeftover(sandbox_id, attachment.host_interface));
      made = CreateVeth(routes_, pair);
    }
    TRY(std::move(made));
  }
  TRY(ConfigurePod(pod, addresses));
  {
    MutexLock lock(routes_mutex_);
    TRY(SettleCarrier(routes_, pair));
  }
  return SettleIpv6(pod, addresses);
}

// A daemon that died in the middle of Attach leaves a pair without an alias, at worst.
Result<> Bridge::RemoveLeftover(const std::string& sandbox_id, const std::string& host_interface) {
  std::optional<Link> link = TRY(FindLink(routes_, host_interface));
  if (!link)
    return Fail(Code::kAlreadyExists, "create veth pair", kPodInterface,
                "it exists in the pod's network namespace");
  if (link->master == index_ && (link->alias == sandbox_id || link->alias.empty()))
    return DeleteLink(routes_, link->index);
  return Fail(Code::kAlreadyExists, "create veth pair", host_interface,
              link->alias.empty() ? "the link is not ours" : "the link belongs to sandbox " + link->alias);
}

Result<std::vector<PodAddress>> Bridge::WithGateways(const std::vector<IpAddress>& addresses) const {
  std::vector<PodAddress> placed;
  for (const IpAddress& address : addresses) {
    const AddressPool* pool = PoolOf(address);
    if (pool == nullptr)
      return Fail(Code::kInvalidArgument, "place address", address.ToString(), "in no subnet of " + name_);
    placed.push_back({address, pool->subnet().prefix, pool->gateway()});
  }
  return placed;
}

AddressPool* Bridge::PoolOf(const IpAddress& address) const {
  for (const auto& pool : pools_)
    if (pool->subnet().Contains(address)) return pool.get();
  return nullptr;
}

Result<> Bridge::Detach(const std::string& sandbox_id, const Attachment& attachment) {
  FirstError error;
  error.Take(ClosePorts(sandbox_id, attachment));
  error.Take(RemoveInterface(sandbox_id));
  Result<> done = error.result();
  if (!done) return std::unexpected(Within("detach pod", std::move(done).error()));
  return {};
}

// A claim is given up only when the element is gone, so that the next holder finds its key free.
Result<> Bridge::ClosePorts(const std::string& sandbox_id, const Attachment& attachment) {
  std::vector<HostPort> ports = TRY(ExpandMappings(attachment.ports, attachment.addresses));
  std::vector<HostPort> closing = claims_.NotOfOthers(sandbox_id, ports);
  TRY(table_->Remove(closing));
  claims_.Release(sandbox_id, ports);
  return ForgetFlows(closing, Flows::kIntoPod);
}

// By the name that follows from the sandbox, so that an attachment whose record was never finished goes as
// well.
Result<> Bridge::RemoveInterface(const std::string& sandbox_id) {
  MutexLock lock(routes_mutex_);
  std::optional<Link> link = TRY(FindLink(routes_, HostInterfaceName(name_, sandbox_id)));
  if (link && link->alias == sandbox_id) remover_->Remove(link->index);
  return {};
}

Result<> Bridge::ForgetFlows(const std::vector<HostPort>& ports, Flows flows) {
  if (ports.empty()) return {};
  MutexLock lock(conntrack_mutex_);
  return ForgetUdpFlows(conntrack_, ports, flows);
}

Result<std::map<std::string, Error>> Bridge::Collect(const std::map<std::string, Attachment>& live) {
  TRY(Restore());
  for (const Link& link : TRY(PodInterfaces()))
    if (!live.contains(link.alias)) remover_->Remove(link.index);
  claims_.Clear();
  std::vector<HostPort> wanted;
  std::map<std::string, Error> problems;
  for (const auto& [id, attachment] : live) {
    Result<std::vector<HostPort>> ports = ClaimAgain(id, attachment);
    if (ports)
      wanted.insert(wanted.end(), ports->begin(), ports->end());
    else
      problems.emplace(id, std::move(ports).error());
  }
  PortTable::Difference difference = TRY(table_->Reconcile(wanted));
  TRY(ForgetFlows(difference.removed, Flows::kIntoPod));
  TRY(ForgetFlows(difference.added, Flows::kToHostPort));
  return problems;
}

Result<std::vector<HostPort>> Bridge::ClaimAgain(const std::string& sandbox_id,
                                                 const Attachment& attachment) {
  if (attachment.host_interface != HostInterfaceName(name_, sandbox_id))
    return Fail(Code::kFailedPrecondition, "take over pod", sandbox_id,
                "its interface " + attachment.host_interface + " is of another bridge than " + name_);
  std::vector<HostPort> ports = TRY(ExpandMappings(attachment.ports, attachment.addresses));
  TRY(claims_.Claim(sandbox_id, ports));
  return ports;
}

// Host ends of this instance, whether on the bridge or, when somebody made that anew, on none.
Result<std::vector<Link>> Bridge::PodInterfaces() {
  MutexLock lock(routes_mutex_);
  std::vector<Link> links = TRY(ListLinks(routes_));
  std::string prefix = HostInterfacePrefix(name_);
  std::erase_if(links, [&](const Link& link) {
    return link.kind != "veth" || !link.name.starts_with(prefix) ||
           (link.master != 0 && link.master != index_);
  });
  return links;
}

Result<std::map<std::string, LinkCounters>> Bridge::Counters() const {
  std::string prefix = HostInterfacePrefix(name_);
  std::map<std::string, LinkCounters> counters;
  MutexLock lock(routes_mutex_);
  for (const LinkCounters& link : TRY(ListLinkCounters(routes_)))
    if (link.name.starts_with(prefix)) counters.emplace(link.name, OtherEnd(link, kPodInterface));
  return counters;
}

Result<> Bridge::Check() const {
  TRY(table_->Check());
  TRY(remover_->status());
  MutexLock lock(routes_mutex_);
  std::optional<Link> link = TRY(FindLink(routes_, name_));
  if (!link || link->index != index_)
    return Fail(Code::kFailedPrecondition, "check bridge", name_, "somebody removed it");
  if ((link->flags & IFF_UP) == 0)
    return Fail(Code::kFailedPrecondition, "check bridge", name_, "it is down");
  return {};
}

void Bridge::WaitForRemovals() {
  remover_->Wait();
}

Result<> Bridge::Destroy() {
  remover_->Wait();
  std::vector<uint32_t> indexes;
  for (const Link& link : TRY(PodInterfaces())) indexes.push_back(link.index);
  FirstError error;
  {
    MutexLock lock(routes_mutex_);
    error.Take(DeleteLinks(routes_, indexes, RemovalGroup(name_)));
    error.Take(DeleteLink(routes_, index_));
  }
  error.Take(table_->Destroy());
  claims_.Clear();
  return error.result();
}

}  // namespace davit::cni
