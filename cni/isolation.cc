// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/isolation.h"

#include <arpa/inet.h>  // before the kernel's headers, which then leave its types out
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include <algorithm>
#include <array>

#include "cni/bridge_tables.h"
#include "cni/network_set.h"
#include "cni/nft_rule.h"

namespace davit::cni {
namespace {

constexpr char kComment[] = "davit networks";
constexpr char kForward[] = "forward", kInput[] = "input";
constexpr std::array<NftChain, 2> kChains = {{
    {kForward, "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER},
    {kInput, "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER},
}};
constexpr uint16_t kDnsPort = 53;

// Sets are numbered in a transaction.
class Sets {
 public:
  Sets(NetlinkBatch& batch, const std::string& table) : batch_(batch), table_(table) {}

  uint32_t Of(const std::vector<std::string>& names) {
    AppendInterfaceSet(batch_, table_, ++last_, names);
    return last_;
  }
  uint32_t Of(const std::vector<std::pair<std::string, std::string>>& pairs) {
    AppendInterfacePairSet(batch_, table_, ++last_, pairs);
    return last_;
  }
  uint32_t Of(int family, const std::vector<Subnet>& networks) {
    AppendNetworkSet(batch_, table_, ++last_, family, networks);
    return last_;
  }

 private:
  NetlinkBatch& batch_;
  const std::string& table_;
  uint32_t last_ = 0;
};

std::vector<std::string> BridgesOf(const std::vector<IsolatedNetwork>& networks, bool internal_only) {
  std::vector<std::string> bridges;
  for (const IsolatedNetwork& network : networks)
    if (network.internal || !internal_only) bridges.push_back(network.bridge);
  return bridges;
}

std::vector<Subnet> GatewaysOf(const std::vector<IsolatedNetwork>& networks, int family) {
  std::vector<Subnet> gateways;
  for (const IsolatedNetwork& network : networks)
    for (const IpAddress& gateway : network.gateways)
      if (network.internal && gateway.family == family)
        gateways.push_back({gateway, static_cast<int>(gateway.size()) * 8});
  return gateways;
}

// Frames between ports of one bridge pass here, too, if bridge netfilter is on.
void AppendForwardRules(NetlinkBatch& batch, const std::string& table, Sets& sets,
                        const std::vector<IsolatedNetwork>& networks) {
  std::vector<std::string> bridges = BridgesOf(networks, /*internal_only=*/false);
  std::vector<std::string> internal = BridgesOf(networks, /*internal_only=*/true);
  std::vector<std::pair<std::string, std::string>> same;
  for (const std::string& bridge : bridges) same.emplace_back(bridge, bridge);
  NftRule(table, kForward).InterfacePairAnyOf(sets.Of(same)).Return().AppendTo(batch);
  if (!internal.empty()) {
    NftRule(table, kForward).InputInterfaceAnyOf(sets.Of(internal)).Drop().AppendTo(batch);
    NftRule(table, kForward).OutputInterfaceAnyOf(sets.Of(internal)).Drop().AppendTo(batch);
  }
  NftRule(table, kForward).TranslatedByUs().Return().AppendTo(batch);
  NftRule between(table, kForward);
  between.InputInterfaceAnyOf(sets.Of(bridges)).OutputInterfaceAnyOf(sets.Of(bridges));
  between.Drop().AppendTo(batch);
}

void AppendInputRules(NetlinkBatch& batch, const std::string& table, Sets& sets,
                      const std::vector<IsolatedNetwork>& networks) {
  std::vector<std::string> internal = BridgesOf(networks, /*internal_only=*/true);
  if (internal.empty()) return;
  NftRule(table, kInput).Established().Return().AppendTo(batch);
  // Neighbour discovery of IPv6 is a part of it.
  for (uint8_t echo : {uint8_t{IPPROTO_ICMP}, uint8_t{IPPROTO_ICMPV6}})
    NftRule(table, kInput).Protocol(echo).Return().AppendTo(batch);
  for (int family : {AF_INET, AF_INET6}) {
    std::vector<Subnet> gateways = GatewaysOf(networks, family);
    if (gateways.empty()) continue;
    for (uint8_t protocol : {uint8_t{IPPROTO_UDP}, uint8_t{IPPROTO_TCP}}) {
      NftRule to_responder(table, kInput);
      to_responder.ToAnyOf(family, sets.Of(family, gateways)).ToPort(protocol, kDnsPort);
      to_responder.Return().AppendTo(batch);
    }
  }
  NftRule(table, kInput).InputInterfaceAnyOf(sets.Of(internal)).Drop().AppendTo(batch);
}

bool Unsupported(const Result<>& result) {
  return !result && (result.error().os_errno == EOPNOTSUPP || result.error().os_errno == EINVAL);
}

}  // namespace

Result<std::unique_ptr<Isolation>> Isolation::Open(std::string table, bool owned) {
  NetlinkSocket socket = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  return std::unique_ptr<Isolation>(
      new Isolation(std::move(table), owned ? kNftTableOwned | kNftTablePersistent : 0, std::move(socket)));
}

Result<bool> Isolation::Exists() {
  for (const TableInfo& table : TRY(ListTables(socket_))) {
    if (table.name != table_ || table.family != kFamilyInet) continue;
    if (table.comment != kComment)
      return Fail(Code::kFailedPrecondition, "take over nftables table", table_,
                  "it is not marked as \"" + std::string(kComment) + "\"");
    return true;
  }
  return false;
}

Result<bool> Isolation::Ensure(const std::vector<IsolatedNetwork>& networks) {
  MutexLock lock(mutex_);
  bool exists = TRY(Exists());
  bool needed = networks.size() > 1 || BridgesOf(networks, /*internal_only=*/true).size() > 0;
  if (!needed && !exists) return false;
  if (needed && exists && networks == made_ && TRY(DumpRules(socket_, table_)) == content_) return false;
  Result<> done = Make(needed ? networks : std::vector<IsolatedNetwork>(), exists);
  if (Unsupported(done) && flags_ != 0) {
    // As in PortTable: kernels before 6.9, or a table that such a start has made.
    flags_ = 0;
    done = Make(needed ? networks : std::vector<IsolatedNetwork>(), exists);
  }
  if (!done && done.error().os_errno == EPERM && exists)
    return Fail(Code::kFailedPrecondition, "take over nftables table", table_,
                "another running process owns it");
  TRY(std::move(done));
  made_ = networks;
  content_ = needed ? TRY(DumpRules(socket_, table_)) : "";
  return true;
}

Result<> Isolation::Make(const std::vector<IsolatedNetwork>& networks, bool exists) {
  NetlinkBatch batch;
  BeginNftTransaction(batch);
  if (exists) {
    AppendTable(batch, kFamilyInet, table_, kComment, flags_);
    AppendTableDeletion(batch, kFamilyInet, table_);
  }
  if (!networks.empty()) {
    AppendTable(batch, kFamilyInet, table_, kComment, flags_);
    for (const NftChain& chain : kChains) AppendChain(batch, table_, kFamilyInet, chain);
    Sets sets(batch, table_);
    AppendForwardRules(batch, table_, sets, networks);
    AppendInputRules(batch, table_, sets, networks);
  }
  EndNftTransaction(batch);
  return socket_.Execute(batch);
}

}  // namespace davit::cni
