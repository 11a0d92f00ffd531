// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// nftables transactions and rules, built from the same expressions that nft(8) uses, so that `nft list` shows
// them in its own syntax. Tables are of family inet unless stated otherwise.
#pragma once

#include <libnftnl/rule.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

constexpr uint8_t kFamilyInet = 1;    // NFPROTO_INET
constexpr uint8_t kFamilyBridge = 7;  // NFPROTO_BRIDGE

// The bit of a connection's mark by which our translations differ from those of others (kube-proxy). The
// other bits are left to others.
constexpr uint32_t kTranslatedMark = 0x02000000;

// The type of an IP address in a set, as nft(8) numbers it (include/datatype.h there); the kernel only stores
// it for `nft list`.
constexpr uint32_t NftAddressType(int family) {
  return family == AF_INET ? 7 : 8;
}

// The requests between Begin and End are one transaction, which the kernel applies and shows as a whole, or
// not at all.
void BeginNftTransaction(NetlinkBatch& batch);
void EndNftTransaction(NetlinkBatch& batch);

// Appends one request of nf_tables: `type` is NFT_MSG_*, `flags` NLM_F_*.
nlmsghdr* AddNftRequest(NetlinkBatch& batch, const char* step, uint8_t type, uint16_t flags,
                        uint8_t family = kFamilyInet);

// A chain of a table.
struct NftChain {
  const char* name;
  const char* type = nullptr;  // null: reached by jumps only
  uint32_t hook = 0;
  int32_t priority = 0;
};
void AppendChain(NetlinkBatch& batch, const std::string& table, uint8_t family, const NftChain& chain);

// The number of the rule set, of all tables in the network namespace: each transaction adds one.
Result<uint32_t> RulesGeneration(NetlinkSocket& socket);

// A rule under construction: first its matches, then its action, in the order of the calls.
class NftRule {
 public:
  NftRule(const std::string& table, const char* chain, uint8_t table_family = kFamilyInet);

  NftRule& From(const Subnet& subnet);            // ip saddr, ip6 saddr
  NftRule& To(const Subnet& subnet);              // ip daddr, ip6 daddr
  NftRule& ToAnyOf(int family, uint32_t set_id);  // of a set of this transaction (network_set.h)
  NftRule& InputInterface(std::string_view name);
  NftRule& InputInterfacePrefix(std::string_view prefix);  // iifname "prefix*"
  NftRule& OutputInterface(std::string_view name);
  // Of sets of this transaction (network_set.h).
  NftRule& InputInterfaceAnyOf(uint32_t set_id);
  NftRule& OutputInterfaceAnyOf(uint32_t set_id);
  NftRule& InterfacePairAnyOf(uint32_t set_id);  // iifname . oifname
  NftRule& Established();                        // ct state established,related
  NftRule& Protocol(uint8_t number);             // meta l4proto
  NftRule& ToPort(uint8_t protocol, uint16_t port);
  NftRule& ToLocalAddress();         // fib daddr type local
  NftRule& DestinationTranslated();  // ct status dnat
  NftRule& TranslatedByUs();         // ct mark and kTranslatedMark != 0

  // Only in a table of family bridge: matches icmpv6 type first-last, also after extension headers.
  // FromUnspecifiedIpv6 (ip6 saddr ::) may follow it.
  NftRule& Icmpv6(uint8_t first_type, uint8_t last_type);
  NftRule& FromUnspecifiedIpv6();

  // dnat to the value in `map` for the key [destination address .] protocol . destination port, and adds
  // kTranslatedMark to the connection's mark. Without such an element the rule does not match.
  NftRule& DnatByMap(int family, bool with_address, const char* map);
  NftRule& Masquerade();
  // With random source ports: otherwise two pods that use the same port at the same moment collide in
  // conntrack, and one packet is lost.
  NftRule& MasqueradeFullyRandom();
  NftRule& Jump(const char* chain);
  NftRule& Return();
  NftRule& Drop();

  void AppendTo(NetlinkBatch& batch) const;

 private:
  struct Free {
    void operator()(nftnl_rule* rule) const { nftnl_rule_free(rule); }
  };

  nftnl_expr* Add(const char* expression);
  void Family(int family);  // meta nfproto, once
  void LoadAddress(int family, uint32_t offset_ipv4, uint32_t offset_ipv6);
  void Address(const Subnet& subnet, uint32_t offset_ipv4, uint32_t offset_ipv6);
  void Compare(uint32_t op, std::string_view value);
  void Mask(std::string_view mask);
  void AddMark(uint32_t mark);
  void Meta(uint32_t key);
  void Interface(uint32_t meta_key, std::string_view name);
  void LookUp(uint32_t set_id);
  void Load(uint32_t base, uint32_t offset, uint32_t length, uint32_t reg);
  void Verdict(int verdict, const char* chain = nullptr);

  std::unique_ptr<nftnl_rule, Free> rule_;
  const uint8_t table_family_;
  int family_ = 0;  // the family that the rule already matches; 0: none
};

}  // namespace davit::cni
