// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/bridge_subnets.h"

#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace davit::cni {
namespace {

bool IsDelegated(const NetworkConfig& config) {
  return config.is_gateway && !config.ipam.IsBuiltIn();
}

int FamilyOf(const GatewaySubnet& subnet) {
  return subnet.subnet.base.family;
}

}  // namespace

// IPv4 before IPv6, whichever container was the last: the tables' description depends on the order.
Result<std::vector<GatewaySubnet>> BridgeSubnets(const NetworkConfig& config,
                                                 const std::vector<ResultAddress>& addresses,
                                                 const LeaseBook& book) {
  std::vector<GatewaySubnet> subnets = SubnetsOf(config, addresses);
  if (!IsDelegated(config)) return subnets;
  CniResult known;
  if (Result<CniResult> read = ParseResult(TRY(book.ReadNote(LeaseBook::Note::kSubnets)), "note"))
    known = std::move(*read);
  for (const GatewaySubnet& old : SubnetsOf(config, known.addresses)) {
    bool replaced = std::ranges::any_of(SubnetsOf(config, addresses),
                                        [&](const GatewaySubnet& s) { return FamilyOf(s) == FamilyOf(old); });
    if (!replaced) subnets.push_back(old);
  }
  std::vector<GatewaySubnet> ordered;
  for (int family : {AF_INET, AF_INET6})
    std::ranges::copy_if(subnets, std::back_inserter(ordered),
                         [family](const GatewaySubnet& s) { return FamilyOf(s) == family; });
  return ordered;
}

Result<> NoteSubnets(const NetworkConfig& config, const std::vector<GatewaySubnet>& subnets,
                     LeaseBook& book) {
  if (!IsDelegated(config)) return {};
  CniResult now;
  for (const GatewaySubnet& s : subnets) now.addresses.push_back({s.gateway, s.subnet.prefix, s.gateway, {}});
  std::string text = PrintResult(now, config.version);
  if (text == TRY(book.ReadNote(LeaseBook::Note::kSubnets))) return {};
  return book.WriteNote(LeaseBook::Note::kSubnets, text);
}

Result<> FailIfStranded(const LeaseBook& book, const std::vector<GatewaySubnet>& subnets) {
  if (subnets.empty()) return {};
  for (const Lease& lease : book.leases())
    for (const IpAddress& address : lease.addresses)
      if (std::ranges::none_of(subnets, [&](const GatewaySubnet& s) { return s.subnet.Contains(address); }))
        return Fail(Code::kFailedPrecondition, "make bridge", subnets.front().subnet.ToString(),
                    "container " + lease.Key() + " runs with the address " + address.ToString() +
                        ": until such containers are gone, the network must keep their subnet");
  return {};
}

}  // namespace davit::cni
