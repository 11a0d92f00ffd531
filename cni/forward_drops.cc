// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/forward_drops.h"

#include <arpa/inet.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <new>
#include <set>
#include <utility>

#include "cni/netlink_list.h"
#include "cni/nft_rule.h"
#include "cni/pod_rules.h"

namespace davit::cni {
namespace {

bool SeesSubnets(uint8_t family, const std::vector<Subnet>& subnets) {
  return std::ranges::any_of(subnets, [&](const Subnet& subnet) {
    return family == NFPROTO_INET || family == (subnet.base.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
  });
}

bool IsOfForwardHook(const std::vector<const nlattr*>& chain) {
  std::vector<const nlattr*> hook = ParseNested(chain[NFTA_CHAIN_HOOK], NFTA_HOOK_HOOKNUM);
  return hook[NFTA_HOOK_HOOKNUM] != nullptr &&
         ntohl(AttributeU32(hook[NFTA_HOOK_HOOKNUM])) == NF_INET_FORWARD;
}

bool DropsByPolicy(const std::vector<const nlattr*>& chain) {
  return chain[NFTA_CHAIN_POLICY] != nullptr && ntohl(AttributeU32(chain[NFTA_CHAIN_POLICY])) == NF_DROP;
}

enum class Among : uint8_t { kRulesOfChain, kRulesOfTable };

// What has been removed meanwhile has no rules. `on_restart` as in NetlinkSocket::Dump.
Result<> VisitRules(NetlinkSocket& rules, const ForwardChain& chain, Among among,
                    const std::function<void(const nlmsghdr*)>& visit,
                    const std::function<void()>& on_restart) {
  NetlinkBatch batch;
  nlmsghdr* message = AddNftRequest(batch, "list nftables rules", NFT_MSG_GETRULE, NLM_F_DUMP, chain.family);
  mnl_attr_put_strz(message, NFTA_RULE_TABLE, chain.table.c_str());
  if (among == Among::kRulesOfChain) mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain.chain.c_str());
  return Unless(rules.Dump(batch, visit, on_restart), ENOENT);
}

Result<size_t> FindDrop(NetlinkSocket& rules, const ForwardChain& chain) {
  size_t position = 0;
  size_t drop = 0;
  auto visit = [&](const nlmsghdr* rule) {
    ++position;
    if (drop == 0 && DropsEverything(rule)) drop = position;
  };
  TRY(VisitRules(rules, chain, Among::kRulesOfChain, visit, [&] { position = drop = 0; }));
  return drop;
}

using SetPtr = std::unique_ptr<nftnl_set, decltype(&nftnl_set_free)>;

int TakeElement(nftnl_set_elem* element, void* opaque) {
  auto* found = static_cast<std::vector<PodNames::SetElement>*>(opaque);
  uint32_t length = 0;
  const auto* key = static_cast<const char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &length));
  if (key == nullptr) return 0;
  bool is_end = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS) &&
                (nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END) != 0;
  found->emplace_back(std::string(key, length), is_end);
  return 0;
}

Result<std::vector<PodNames::SetElement>> ListElements(NetlinkSocket& rules, const ForwardChain& chain,
                                                       const std::string& set) {
  NetlinkBatch batch;
  nlmsghdr* message = AddNftRequest(batch, "list nftables set", NFT_MSG_GETSETELEM, NLM_F_DUMP, chain.family);
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, chain.table.c_str());
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set.c_str());
  auto parse = [](const nlmsghdr* reply, auto& found) {
    SetPtr elements(nftnl_set_alloc(), nftnl_set_free);
    if (!elements) throw std::bad_alloc();
    if (nftnl_set_elems_nlmsg_parse(reply, elements.get()) == 0)
      nftnl_set_elem_foreach(elements.get(), TakeElement, &found);
  };
  Result<std::vector<PodNames::SetElement>> found = DumpList<PodNames::SetElement>(rules, batch, parse);
  if (!found && found.error().os_errno == ENOENT) return std::vector<PodNames::SetElement>();
  return found;
}

// First the rules themselves: sets can be large.
Result<bool> KnowsPods(NetlinkSocket& rules, const ForwardChain& chain, const PodNames& pods) {
  bool knows = false;
  std::set<SetLookup> lookups;
  auto visit = [&](const nlmsghdr* rule) { knows = knows || pods.AreIn(rule, lookups); };
  TRY(VisitRules(rules, chain, Among::kRulesOfTable, visit, [] {}));
  for (const SetLookup& lookup : lookups)
    if (!knows) knows = pods.AreIn(TRY(ListElements(rules, chain, lookup.set)), lookup.field);
  return knows;
}

// Tables whose chains see no packets, each as family and name.
Result<std::vector<std::pair<uint8_t, std::string>>> ListDormantTables(NetlinkSocket& rules) {
  NetlinkBatch batch;
  AddNftRequest(batch, "list nftables tables", NFT_MSG_GETTABLE, NLM_F_DUMP, NFPROTO_UNSPEC);
  auto parse = [](const nlmsghdr* reply, auto& found) {
    const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(reply));
    std::vector<const nlattr*> table = ParseAttributes(reply, sizeof *header, NFTA_TABLE_FLAGS);
    if ((ntohl(AttributeU32(table[NFTA_TABLE_FLAGS])) & NFT_TABLE_F_DORMANT) != 0)
      found.emplace_back(header->nfgen_family, AttributeText(table[NFTA_TABLE_NAME]));
  };
  return DumpList<std::pair<uint8_t, std::string>>(rules, batch, parse);
}

Result<std::vector<ForwardChain>> ListChains(NetlinkSocket& rules, const std::vector<Subnet>& subnets) {
  NetlinkBatch batch;
  AddNftRequest(batch, "list nftables chains", NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC);
  return DumpList<ForwardChain>(rules, batch, [&](const nlmsghdr* reply, auto& found) {
    const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(reply));
    std::vector<const nlattr*> chain = ParseAttributes(reply, sizeof *header, NFTA_CHAIN_POLICY);
    if (IsOfForwardHook(chain) && SeesSubnets(header->nfgen_family, subnets))
      found.push_back({.family = header->nfgen_family,
                       .table = AttributeText(chain[NFTA_CHAIN_TABLE]),
                       .chain = AttributeText(chain[NFTA_CHAIN_NAME]),
                       .drops_by_policy = DropsByPolicy(chain)});
  });
}

}  // namespace

bool ForwardChain::IsOfIptables() const {
  return (family == NFPROTO_IPV4 || family == NFPROTO_IPV6) && table == "filter" && chain == "FORWARD";
}

std::string ForwardChain::ToString() const {
  const char* name = family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV4 ? "ip" : "ip6";
  return std::string("table ") + name + " " + table + ", chain " + chain;
}

std::string ForwardChain::Reason() const {
  if (drops_at == 0) return "its policy is to drop";
  return "its rule " + std::to_string(drops_at) +
         " drops or rejects all that the ones before have not accepted";
}

Result<std::vector<ForwardChain>> ListForwardChains(NetlinkSocket& rules, const std::string& bridge,
                                                    const std::vector<Subnet>& subnets) {
  std::vector<ForwardChain> chains = TRY(ListChains(rules, subnets));
  const auto dormant = TRY(ListDormantTables(rules));
  std::erase_if(chains, [&](const ForwardChain& chain) {
    return std::ranges::find(dormant, std::pair(chain.family, chain.table)) != dormant.end();
  });
  PodNames pods(bridge, subnets);
  for (ForwardChain& chain : chains) {
    chain.drops_at = TRY(FindDrop(rules, chain));
    if (chain.Drops() && !chain.IsOfIptables()) chain.knows_pods = TRY(KnowsPods(rules, chain, pods));
  }
  return chains;
}

Result<bool> HasRuleWithComment(NetlinkSocket& rules, const ForwardChain& chain, const std::string& comment) {
  std::string_view ended(comment.c_str(), comment.size() + 1);
  size_t position = 0;
  bool found = false;
  auto visit = [&](const nlmsghdr* rule) {
    ++position;
    bool reached = chain.drops_at == 0 || position < chain.drops_at;
    std::string_view bytes(reinterpret_cast<const char*>(rule), rule->nlmsg_len);
    found = found || (reached && bytes.contains(ended));
  };
  TRY(VisitRules(rules, chain, Among::kRulesOfChain, visit, [&] {
    position = 0;
    found = false;
  }));
  return found;
}

}  // namespace davit::cni
