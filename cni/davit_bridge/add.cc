// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/rollback.h"
#include "cni/davit_bridge/address_choice.h"
#include "cni/davit_bridge/bridge_subnets.h"
#include "cni/davit_bridge/commands.h"
#include "cni/davit_bridge/container_link.h"
#include "cni/davit_bridge/delegate.h"
#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/host_rules.h"
#include "cni/davit_bridge/lease_book.h"

namespace davit::cni {
namespace {

std::vector<IpAddress> ReadAddresses(const std::string& text) {
  std::vector<IpAddress> addresses;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    if (Result<IpAddress> address = IpAddress::Parse(text.substr(begin, end - begin)))
      addresses.push_back(*address);
    begin = end + 1;
  }
  return addresses;
}

std::vector<IpAddress> PlainAddresses(const CniResult& addressing) {
  std::vector<IpAddress> addresses;
  for (const ResultAddress& address : addressing.addresses) addresses.push_back(address.address);
  return addresses;
}

// Without the note (the disk is full), an address may be reused earlier.
void NoteLast(LeaseBook& book, const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) text += address.ToString() + "\n";
  (void)book.WriteNote(LeaseBook::Note::kLast, text);
}

Result<CniResult> ChooseBuiltIn(const Invocation& call, const NetworkConfig& config, LeaseBook& book) {
  const std::vector<IpAddress>& requested =
      config.wishes.addresses.empty() ? call.args.addresses : config.wishes.addresses;
  std::vector<IpAddress> last = ReadAddresses(book.ReadNote(LeaseBook::Note::kLast).value_or(""));
  CniResult addressing;
  addressing.addresses = TRY(ChooseAddresses(config.ipam, book.leases(), requested, last));
  addressing.routes = config.ipam.routes;
  if (requested.empty() && !addressing.addresses.empty()) NoteLast(book, PlainAddresses(addressing));
  return addressing;
}

Result<> OpenHostPorts(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets,
                       const HostBridge& bridge, const Lease& lease, const std::vector<HostPort>& ports,
                       LeaseBook& book, std::string& warning) {
  if (!config.is_gateway) return {};
  HostRules rules = TRY(HostRules::Open(TablesOf(config, subnets, bridge.answers_pass), book));
  warning = TRY(rules.Ensure());
  return rules.OpenPorts(lease, ports);
}

// With `addressing` known: everything but the delegated choice. What is in the book later runs rely on, also
// if this one is killed: ports that are refused do not get there.
Result<Outcome> Attach(const Invocation& call, const NetworkConfig& config, int netns_fd, LeaseBook& book,
                       CniResult addressing) {
  addressing.routes = RoutesFor(config, addressing.routes, addressing.addresses);
  addressing.dns = config.wishes.dns.value_or(config.dns.IsEmpty() ? addressing.dns : config.dns);
  Lease lease{{call.container_id, call.interface}, PlainAddresses(addressing)};
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  TRY(book.CheckFree(lease.name));
  std::vector<HostPort> ports = TRY(ExpandMappings(config.wishes.ports, lease.addresses));
  TRY(FailIfPortsHeld(book, lease, ports));
  TRY(book.Put(lease, ports.empty() ? "" : config.wishes.ports_json));
  Rollback rollback;
  rollback.Add([&] { (void)book.Remove(lease.name); });  // else DEL or GC removes it
  std::vector<GatewaySubnet> subnets = TRY(BridgeSubnets(config, addressing.addresses, book));
  TRY(FailIfStranded(book, subnets));
  TRY(NoteSubnets(config, subnets, book));
  HostBridge bridge = TRY(EnsureBridge(routes, config, subnets));
  CniResult added = TRY(MakeContainerLink(routes, bridge, call, config, netns_fd, addressing));
  rollback.Add([&] { (void)RemoveContainerLink(routes, config, call.Key()); });
  Outcome outcome;
  TRY(OpenHostPorts(config, subnets, bridge, lease, ports, book, outcome.warning));
  rollback.Dismiss();
  if (config.previous) added = Joined(*config.previous, added);
  outcome.output = PrintResult(added, config.version);
  return outcome;
}

// The other plugin runs while the book is not locked: it may wait for a server. Undoing a second ADD of one
// attachment would give up the addresses of the first.
Result<Outcome> AddDelegated(const Invocation& call, const NetworkConfig& config, int netns_fd) {
  TRY(TRY(LeaseBook::Open(config.data_dir, config.name)).CheckFree({call.container_id, call.interface}));
  CniResult addressing = TRY(DelegateAdd(config.ipam.plugin, call.path, config.text));
  Rollback rollback;
  rollback.Add([&] { (void)Delegate(config.ipam.plugin, "DEL", call.path, config.text); });
  LeaseBook book = TRY(LeaseBook::Open(config.data_dir, config.name));
  Result<Outcome> attached = Attach(call, config, netns_fd, book, std::move(addressing));
  if (attached) rollback.Dismiss();
  return attached;
}

}  // namespace

Result<Outcome> AddContainer(const Invocation& call, const NetworkConfig& config, int netns_fd) {
  if (!config.ipam.plugin.empty()) return AddDelegated(call, config, netns_fd);
  LeaseBook book = TRY(LeaseBook::Open(config.data_dir, config.name));
  return Attach(call, config, netns_fd, book, TRY(ChooseBuiltIn(call, config, book)));
}

}  // namespace davit::cni
