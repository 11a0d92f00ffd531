// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/nft_rule.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <algorithm>
#include <cstddef>
#include <new>

#include "cni/network_set.h"

namespace davit::cni {
namespace {

static_assert(kFamilyInet == NFPROTO_INET && kFamilyBridge == NFPROTO_BRIDGE);

// Matches use the first register. A key of several fields lies in consecutive 4-byte registers, each field
// padded.
constexpr uint32_t kRegister = NFT_REG_1;
constexpr uint32_t kFirstWord = NFT_REG32_00;     // the same storage as NFT_REG_1
constexpr uint32_t kMarkRegister = NFT_REG32_12;  // behind the longest key
constexpr uint32_t kPortOffset = 2;  // of the destination port, in the headers of TCP, UDP and SCTP
constexpr uint32_t kPortBytes = 2;
constexpr uint32_t kSecondName = NFT_REG32_04;  // behind an interface's name in the first register
// Bits of ct state: NF_CT_STATE_BIT of net/netfilter/nf_conntrack_common.h, which is not exported.
constexpr uint32_t kCtEstablished = 1u << (IP_CT_ESTABLISHED + 1), kCtRelated = 1u << (IP_CT_RELATED + 1);

void AddBoundary(NetlinkBatch& batch, const char* step, uint16_t type) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<nfgenmsg>(step, type, 0, &message);
  header->version = NFNETLINK_V0;
  header->res_id = htons(NFNL_SUBSYS_NFTABLES);
}

uint32_t AddressWords(int family) {
  return family == AF_INET ? 1 : 4;
}

template <typename T>
std::string_view BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

void BeginNftTransaction(NetlinkBatch& batch) {
  AddBoundary(batch, "nftables transaction", NFNL_MSG_BATCH_BEGIN);
}
void EndNftTransaction(NetlinkBatch& batch) {
  AddBoundary(batch, "nftables transaction", NFNL_MSG_BATCH_END);
}

nlmsghdr* AddNftRequest(NetlinkBatch& batch, const char* step, uint8_t type, uint16_t flags, uint8_t family) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<nfgenmsg>(step, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &message);
  header->nfgen_family = family;
  header->version = NFNETLINK_V0;
  return message;
}

void AppendChain(NetlinkBatch& batch, const std::string& table, uint8_t family, const NftChain& chain) {
  nlmsghdr* message =
      AddNftRequest(batch, "make nftables chain", NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK, family);
  mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, table.c_str());
  mnl_attr_put_strz(message, NFTA_CHAIN_NAME, chain.name);
  if (chain.type == nullptr) return;
  nlattr* hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
  mnl_attr_put_u32(message, NFTA_HOOK_HOOKNUM, htonl(chain.hook));
  mnl_attr_put_u32(message, NFTA_HOOK_PRIORITY, htonl(static_cast<uint32_t>(chain.priority)));
  mnl_attr_nest_end(message, hook);
  mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, chain.type);
}

Result<uint32_t> RulesGeneration(NetlinkSocket& socket) {
  NetlinkBatch batch;
  AddNftRequest(batch, "get nftables generation", NFT_MSG_GETGEN, NLM_F_ACK, NFPROTO_UNSPEC);
  uint32_t generation = 0;
  TRY(socket.Execute(batch, [&](const nlmsghdr* reply) {
    generation = ntohl(AttributeU32(ParseAttributes(reply, sizeof(nfgenmsg), NFTA_GEN_ID)[NFTA_GEN_ID]));
  }));
  return generation;
}

NftRule::NftRule(const std::string& table, const char* chain, uint8_t table_family)
    : rule_(nftnl_rule_alloc()), table_family_(table_family) {
  if (!rule_) throw std::bad_alloc();
  nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, table_family);
  nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, table.c_str());
  nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, chain);
}

NftRule& NftRule::From(const Subnet& subnet) {
  Address(subnet, offsetof(iphdr, saddr), offsetof(ip6_hdr, ip6_src));
  return *this;
}

NftRule& NftRule::To(const Subnet& subnet) {
  Address(subnet, offsetof(iphdr, daddr), offsetof(ip6_hdr, ip6_dst));
  return *this;
}

NftRule& NftRule::ToAnyOf(int family, uint32_t set_id) {
  LoadAddress(family, offsetof(iphdr, daddr), offsetof(ip6_hdr, ip6_dst));
  LookUp(set_id);
  return *this;
}

NftRule& NftRule::InputInterface(std::string_view name) {
  Interface(NFT_META_IIFNAME, name);
  return *this;
}

NftRule& NftRule::InputInterfacePrefix(std::string_view prefix) {
  Meta(NFT_META_IIFNAME);
  Compare(NFT_CMP_EQ, prefix);  // as many bytes as there are, without the NUL
  return *this;
}

NftRule& NftRule::OutputInterface(std::string_view name) {
  Interface(NFT_META_OIFNAME, name);
  return *this;
}

NftRule& NftRule::InputInterfaceAnyOf(uint32_t set_id) {
  Meta(NFT_META_IIFNAME);
  LookUp(set_id);
  return *this;
}

NftRule& NftRule::OutputInterfaceAnyOf(uint32_t set_id) {
  Meta(NFT_META_OIFNAME);
  LookUp(set_id);
  return *this;
}

NftRule& NftRule::InterfacePairAnyOf(uint32_t set_id) {
  Meta(NFT_META_IIFNAME);
  nftnl_expr* output = Add("meta");
  nftnl_expr_set_u32(output, NFTNL_EXPR_META_KEY, NFT_META_OIFNAME);
  nftnl_expr_set_u32(output, NFTNL_EXPR_META_DREG, kSecondName);
  LookUp(set_id);
  return *this;
}

NftRule& NftRule::Established() {
  nftnl_expr* ct = Add("ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, kRegister);
  Mask(BytesOf(uint32_t{kCtEstablished | kCtRelated}));
  Compare(NFT_CMP_NEQ, BytesOf(uint32_t{0}));
  return *this;
}

NftRule& NftRule::Protocol(uint8_t number) {
  Meta(NFT_META_L4PROTO);
  Compare(NFT_CMP_EQ, BytesOf(number));
  return *this;
}

NftRule& NftRule::ToPort(uint8_t protocol, uint16_t port) {
  Protocol(protocol);
  Load(NFT_PAYLOAD_TRANSPORT_HEADER, kPortOffset, kPortBytes, kRegister);
  Compare(NFT_CMP_EQ, BytesOf(htons(port)));
  return *this;
}

NftRule& NftRule::ToLocalAddress() {
  nftnl_expr* fib = Add("fib");
  nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_DREG, kRegister);
  nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
  Compare(NFT_CMP_EQ, BytesOf(uint32_t{RTN_LOCAL}));
  return *this;
}

NftRule& NftRule::DestinationTranslated() {
  nftnl_expr* ct = Add("ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_STATUS);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, kRegister);
  Mask(BytesOf(uint32_t{IPS_DST_NAT}));
  Compare(NFT_CMP_NEQ, BytesOf(uint32_t{0}));
  return *this;
}

NftRule& NftRule::TranslatedByUs() {
  nftnl_expr* ct = Add("ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, kRegister);
  Mask(BytesOf(kTranslatedMark));
  Compare(NFT_CMP_NEQ, BytesOf(uint32_t{0}));
  return *this;
}

NftRule& NftRule::Icmpv6(uint8_t first_type, uint8_t last_type) {
  Load(NFT_PAYLOAD_LL_HEADER, offsetof(ethhdr, h_proto), sizeof(ethhdr::h_proto), kRegister);
  Compare(NFT_CMP_EQ, BytesOf(htons(ETH_P_IPV6)));
  Meta(NFT_META_L4PROTO);
  Compare(NFT_CMP_EQ, BytesOf(uint8_t{IPPROTO_ICMPV6}));
  Load(NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(icmp6_hdr, icmp6_type), sizeof(icmp6_hdr::icmp6_type),
       kRegister);
  if (first_type == last_type) {
    Compare(NFT_CMP_EQ, BytesOf(first_type));
  } else {
    Compare(NFT_CMP_GTE, BytesOf(first_type));
    Compare(NFT_CMP_LTE, BytesOf(last_type));
  }
  return *this;
}

NftRule& NftRule::FromUnspecifiedIpv6() {
  Load(NFT_PAYLOAD_NETWORK_HEADER, offsetof(ip6_hdr, ip6_src), sizeof(in6_addr), kRegister);
  Compare(NFT_CMP_EQ, BytesOf(in6_addr{}));
  return *this;
}

NftRule& NftRule::DnatByMap(int family, bool with_address, const char* map) {
  uint32_t word = kFirstWord;
  if (with_address) {
    Family(family);
    bool ipv4 = family == AF_INET;
    Load(NFT_PAYLOAD_NETWORK_HEADER, ipv4 ? offsetof(iphdr, daddr) : offsetof(ip6_hdr, ip6_dst),
         ipv4 ? 4 : 16, word);
    word += AddressWords(family);
  }
  nftnl_expr* protocol = Add("meta");
  nftnl_expr_set_u32(protocol, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
  nftnl_expr_set_u32(protocol, NFTNL_EXPR_META_DREG, word);
  Load(NFT_PAYLOAD_TRANSPORT_HEADER, kPortOffset, kPortBytes, word + 1);
  nftnl_expr* lookup = Add("lookup");
  nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, map);
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, kRegister);
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, kRegister);
  AddMark(kTranslatedMark);
  nftnl_expr* nat = Add("nat");
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FAMILY, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_ADDR_MIN, kRegister);
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_PROTO_MIN, kFirstWord + AddressWords(family));
  return *this;
}

NftRule& NftRule::Masquerade() {
  Add("masq");
  return *this;
}

NftRule& NftRule::MasqueradeFullyRandom() {
  nftnl_expr_set_u32(Add("masq"), NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
  return *this;
}

NftRule& NftRule::Jump(const char* chain) {
  Verdict(NFT_JUMP, chain);
  return *this;
}

NftRule& NftRule::Return() {
  Verdict(NFT_RETURN);
  return *this;
}

NftRule& NftRule::Drop() {
  Verdict(NF_DROP);
  return *this;
}

void NftRule::AppendTo(NetlinkBatch& batch) const {
  nlmsghdr* message = AddNftRequest(batch, "add nftables rule", NFT_MSG_NEWRULE,
                                    NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, table_family_);
  nftnl_rule_nlmsg_build_payload(message, rule_.get());
}

nftnl_expr* NftRule::Add(const char* expression) {
  nftnl_expr* added = nftnl_expr_alloc(expression);
  if (added == nullptr) throw std::bad_alloc();
  nftnl_rule_add_expr(rule_.get(), added);
  return added;
}

void NftRule::Family(int family) {
  if (family_ == family) return;
  family_ = family;
  Meta(NFT_META_NFPROTO);
  Compare(NFT_CMP_EQ, BytesOf(static_cast<uint8_t>(family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6)));
}

void NftRule::LoadAddress(int family, uint32_t offset_ipv4, uint32_t offset_ipv6) {
  Family(family);
  Load(NFT_PAYLOAD_NETWORK_HEADER, family == AF_INET ? offset_ipv4 : offset_ipv6, family == AF_INET ? 4 : 16,
       kRegister);
}

void NftRule::Address(const Subnet& subnet, uint32_t offset_ipv4, uint32_t offset_ipv6) {
  LoadAddress(subnet.base.family, offset_ipv4, offset_ipv6);
  if (subnet.HostBits() > 0) {
    std::string mask(subnet.base.size(), '\0');
    for (int bit = 0; bit < subnet.prefix; ++bit)
      mask[bit / 8] = static_cast<char>(mask[bit / 8] | 0x80 >> bit % 8);
    Mask(mask);
  }
  Compare(NFT_CMP_EQ, subnet.base.wire());
}

void NftRule::Compare(uint32_t op, std::string_view value) {
  nftnl_expr* compare = Add("cmp");
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, kRegister);
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, op);
  nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, value.data(), static_cast<uint32_t>(value.size()));
}

void NftRule::Mask(std::string_view mask) {
  std::string zero(mask.size(), '\0');
  auto length = static_cast<uint32_t>(mask.size());
  nftnl_expr* bitwise = Add("bitwise");
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, kRegister);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, kRegister);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, length);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, mask.data(), length);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, zero.data(), length);
}

// mark = (mark & ~bit) ^ bit
void NftRule::AddMark(uint32_t mark) {
  nftnl_expr* ct = Add("ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, kMarkRegister);
  nftnl_expr* bitwise = Add("bitwise");
  const uint32_t kept = ~mark;
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, kMarkRegister);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, kMarkRegister);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof kept);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, &kept, sizeof kept);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, &mark, sizeof mark);
  ct = Add("ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_SREG, kMarkRegister);
}

void NftRule::Meta(uint32_t key) {
  nftnl_expr* meta = Add("meta");
  nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, key);
  nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, kRegister);
}

void NftRule::Interface(uint32_t meta_key, std::string_view name) {
  Meta(meta_key);
  char padded[IFNAMSIZ] = {};
  std::ranges::copy(name.substr(0, sizeof padded - 1), padded);
  Compare(NFT_CMP_EQ, {padded, sizeof padded});
}

void NftRule::LookUp(uint32_t set_id) {
  nftnl_expr* lookup = Add("lookup");
  nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, kAnonymousSet);
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SET_ID, set_id);
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, kRegister);
}

void NftRule::Load(uint32_t base, uint32_t offset, uint32_t length, uint32_t reg) {
  nftnl_expr* payload = Add("payload");
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, base);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, length);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

void NftRule::Verdict(int verdict, const char* chain) {
  nftnl_expr* immediate = Add("immediate");
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, static_cast<uint32_t>(verdict));
  if (chain != nullptr) nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, chain);
}

}  // namespace davit::cni
