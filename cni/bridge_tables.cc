// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_tables.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/icmp6.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "cni/host_port_maps.h"
#include "cni/names.h"
#include "cni/netlink_list.h"
#include "cni/network_set.h"
#include "cni/nft_rule.h"

namespace davit::cni {
namespace {

// NFTNL_UDATA_TABLE_COMMENT of the userdata that nft(8) keeps with a table: type, length, text with its NUL.
constexpr uint8_t kCommentType = 0;

constexpr std::array<NftChain, 7> kChains = {{
    {"hostports"},
    {"egress4"},
    {"egress6"},
    {"prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST},
    {"output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST},
    {"postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC},
    {"guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
}};

constexpr std::array<uint8_t, 2> kFamilies = {kFamilyInet, kFamilyBridge};

void AppendRuleRemoval(NetlinkBatch& batch, const std::string& table, uint8_t family) {
  nlmsghdr* message = AddNftRequest(batch, "remove nftables rules", NFT_MSG_DELRULE, NLM_F_ACK, family);
  mnl_attr_put_strz(message, NFTA_RULE_TABLE, table.c_str());
}

constexpr uint8_t kMldV2Report = 143;  // RFC 3810
constexpr IpAddress kIpv4Loopback{AF_INET, {127}};
constexpr IpAddress kIpv4Multicast{AF_INET, {224}};
constexpr IpAddress kIpv6Loopback{AF_INET6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr IpAddress kIpv6Multicast{AF_INET6, {0xff}};
constexpr Subnet kLoopback4{kIpv4Loopback, 8};
constexpr Subnet kLoopback6{kIpv6Loopback, 128};

// Host ports. An outside neighbour can send to 127.0.0.1 of this host; what is bound there is not for it.
void AppendHostPortRules(NetlinkBatch& batch, const BridgeTables& tables) {
  const std::string& t = tables.name;
  NftRule(t, "hostports").DnatByMap(AF_INET, /*with_address=*/true, kHostPortsAt4).AppendTo(batch);
  NftRule(t, "hostports").DnatByMap(AF_INET, /*with_address=*/false, kHostPorts4).AppendTo(batch);
  NftRule(t, "hostports").DnatByMap(AF_INET6, /*with_address=*/true, kHostPortsAt6).AppendTo(batch);
  NftRule(t, "hostports").DnatByMap(AF_INET6, /*with_address=*/false, kHostPorts6).AppendTo(batch);
  NftRule(t, "prerouting").To(kLoopback4).Return().AppendTo(batch);
  NftRule(t, "prerouting").ToLocalAddress().Jump("hostports").AppendTo(batch);
  NftRule(t, "output").ToLocalAddress().Jump("hostports").AppendTo(batch);
}

// One rule, however many networks there are.
void AppendExceptions(NetlinkBatch& batch, const BridgeTables& tables, const char* egress, int family) {
  std::vector<Subnet> routed;
  std::ranges::copy_if(tables.no_masquerade, std::back_inserter(routed),
                       [&](const Subnet& network) { return network.base.family == family; });
  if (routed.empty()) return;
  uint32_t id = kHostPortMaps + (family == AF_INET ? 1 : 2);
  AppendNetworkSet(batch, tables.name, id, family, routed);
  NftRule(tables.name, egress).ToAnyOf(family, id).Return().AppendTo(batch);
}

// What leaves a pod for outside gets the host's address. Between pods only a connection through a host port
// does: its answer must come back this way. The same holds for one that the host makes to its own loopback
// address. Pods that reach each other through a Service keep their addresses, if that can work.
void AppendMasqueradeRules(NetlinkBatch& batch, const BridgeTables& tables) {
  const std::string& t = tables.name;
  for (const Subnet& subnet : tables.subnets) {
    bool ipv4 = subnet.base.family == AF_INET;
    const char* egress = ipv4 ? "egress4" : "egress6";
    Subnet multicast = ipv4 ? Subnet{kIpv4Multicast, 4} : Subnet{kIpv6Multicast, 8};
    NftRule(t, "postrouting").From(subnet).Jump(egress).AppendTo(batch);
    NftRule between_pods(t, egress);
    between_pods.To(subnet);
    if (ipv4 ? tables.answers_pass.ipv4 : tables.answers_pass.ipv6)
      between_pods.TranslatedByUs();
    else
      between_pods.DestinationTranslated();
    between_pods.Masquerade().AppendTo(batch);
    NftRule(t, egress).To(subnet).Return().AppendTo(batch);
    NftRule(t, egress).To(multicast).Return().AppendTo(batch);
    AppendExceptions(batch, tables, egress, subnet.base.family);
    if (tables.masquerade) NftRule(t, egress).MasqueradeFullyRandom().AppendTo(batch);
  }
  NftRule(t, "postrouting").OutputInterface(tables.bridge).From(kLoopback4).Masquerade().AppendTo(batch);
  NftRule(t, "postrouting").OutputInterface(tables.bridge).From(kLoopback6).Masquerade().AppendTo(batch);
}

// route_localnet on the bridge, which 127.0.0.1:PORT needs, would also let pods reach what listens on the
// host's 127.0.0.1, and send as if from it. IPv6 has no such switch: the kernel drops ::1 on any wire.
void AppendLoopbackGuard(NetlinkBatch& batch, const BridgeTables& tables) {
  NftRule(tables.name, "guard").InputInterface(tables.bridge).To(kLoopback4).Drop().AppendTo(batch);
  NftRule(tables.name, "guard").InputInterface(tables.bridge).From(kLoopback4).Drop().AppendTo(batch);
}

// What one pod may not say to all others; O(1) for each packet, where the bridge would deliver it to every
// pod.
// - A pod that advertises itself as a router would get the others' traffic, with IPv4-only networks too
//   (CVE-2020-10749). Here rather than by accept_ra in each pod: in a new namespace that costs 40 us and one
//   more for each pod that there is (entries of procfs for one path in many namespaces share a hash chain).
// - Nobody answers its solicitations of routers then. Its probes for duplicates of an address (RFC 4862 5.4,
//   from ::) find none, because addresses follow from leases, unless the other one lies.
// - The bridge forwards groups to all ports, so reports of membership and queries for them tell it nothing.
// A starting pod sends half a dozen of these at once: among 300 pods that were 2,000 deliveries, and the time
// of its start grew by a third. Ports are known by our names' prefix, because `ibrname` is an option of
// kernels.
void AppendPortGuard(NetlinkBatch& batch, const BridgeTables& tables) {
  AppendChain(batch, tables.name, kFamilyBridge,
              {"guard", "filter", NF_BR_PRE_ROUTING, NF_BR_PRI_FILTER_BRIDGED});
  AppendRuleRemoval(batch, tables.name, kFamilyBridge);
  struct {
    uint8_t first_type, last_type;
    bool from_nobody = false;
  } constexpr kDropped[] = {{MLD_LISTENER_QUERY, ND_ROUTER_ADVERT},  // MLD, and the routers' 133 and 134
                            {kMldV2Report, kMldV2Report},
                            {ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_SOLICIT, true}};
  for (const auto& dropped : kDropped) {
    NftRule rule(tables.name, "guard", kFamilyBridge);
    rule.InputInterfacePrefix(HostInterfacePrefix(tables.bridge));
    rule.Icmpv6(dropped.first_type, dropped.last_type);
    if (dropped.from_nobody) rule.FromUnspecifiedIpv6();
    rule.Drop().AppendTo(batch);
  }
}

std::string CommentIn(std::string_view userdata) {
  while (userdata.size() >= 2) {
    auto type = static_cast<uint8_t>(userdata[0]);
    auto length = static_cast<uint8_t>(userdata[1]);
    std::string_view value = userdata.substr(2, length);
    if (type == kCommentType) return std::string(value.substr(0, value.find('\0')));
    userdata.remove_prefix(std::min<size_t>(userdata.size(), 2 + length));
  }
  return {};
}

}  // namespace

void AppendTables(NetlinkBatch& batch, const BridgeTables& tables, uint32_t flags) {
  AppendTakeover(batch, tables, flags);
  for (const NftChain& chain : kChains) AppendChain(batch, tables.name, kFamilyInet, chain);
  AppendRuleRemoval(batch, tables.name, kFamilyInet);
  AppendHostPortMaps(batch, tables.name);
  AppendHostPortRules(batch, tables);
  AppendMasqueradeRules(batch, tables);
  AppendLoopbackGuard(batch, tables);
  AppendPortGuard(batch, tables);
}

void AppendTakeover(NetlinkBatch& batch, const BridgeTables& tables, uint32_t flags) {
  for (uint8_t family : kFamilies)
    AppendTable(batch, family, tables.name, kTableCommentPrefix + tables.bridge, flags);
}

void AppendDeletion(NetlinkBatch& batch, const std::string& name) {
  for (uint8_t family : kFamilies) AppendTableDeletion(batch, family, name);
}

void AppendTable(NetlinkBatch& batch, uint8_t family, const std::string& name, const std::string& comment,
                 uint32_t flags) {
  std::string userdata{static_cast<char>(kCommentType), static_cast<char>(comment.size() + 1)};
  userdata.append(comment.c_str(), comment.size() + 1);
  nlmsghdr* message =
      AddNftRequest(batch, "make nftables table", NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, family);
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, name.c_str());
  mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(flags));
  mnl_attr_put(message, NFTA_TABLE_USERDATA, userdata.size(), userdata.data());
}

void AppendTableDeletion(NetlinkBatch& batch, uint8_t family, const std::string& name) {
  nlmsghdr* message = AddNftRequest(batch, "delete nftables table", NFT_MSG_DELTABLE, NLM_F_ACK, family);
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, name.c_str());
}

Result<std::string> DumpRules(NetlinkSocket& socket, const std::string& name) {
  std::string content;
  for (uint8_t family : kFamilies) {
    for (uint8_t type : {NFT_MSG_GETCHAIN, NFT_MSG_GETRULE}) {
      NetlinkBatch batch;
      nlmsghdr* message = AddNftRequest(batch, "list nftables rules", type, NLM_F_DUMP, family);
      // The kernel applies this to rules only.
      static_assert(uint16_t{NFTA_RULE_TABLE} == uint16_t{NFTA_CHAIN_TABLE});
      mnl_attr_put_strz(message, NFTA_RULE_TABLE, name.c_str());
      using Texts = std::vector<std::string>;
      auto parse = [&](const nlmsghdr* reply, Texts& texts) {
        std::vector<const nlattr*> attributes = ParseAttributes(reply, sizeof(nfgenmsg), NFTA_RULE_TABLE);
        if (AttributeText(attributes[NFTA_RULE_TABLE]) != name) return;
        texts.emplace_back(static_cast<const char*>(mnl_nlmsg_get_payload_offset(reply, sizeof(nfgenmsg))),
                           mnl_nlmsg_get_payload_len(reply) - sizeof(nfgenmsg));
      };
      for (const std::string& text : TRY(DumpList<std::string>(socket, batch, parse))) content += text;
    }
  }
  return content;
}

Result<std::vector<TableInfo>> ListTables(NetlinkSocket& socket) {
  NetlinkBatch batch;
  AddNftRequest(batch, "list nftables tables", NFT_MSG_GETTABLE, NLM_F_DUMP, NFPROTO_UNSPEC);
  return DumpList<TableInfo>(socket, batch, [](const nlmsghdr* reply, auto& found) {
    const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(reply));
    std::vector<const nlattr*> attributes = ParseAttributes(reply, sizeof *header, NFTA_TABLE_MAX);
    found.push_back({header->nfgen_family, AttributeText(attributes[NFTA_TABLE_NAME]),
                     CommentIn(AttributeBytes(attributes[NFTA_TABLE_USERDATA]))});
  });
}

}  // namespace davit::cni
