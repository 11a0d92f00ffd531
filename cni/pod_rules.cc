// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/pod_rules.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace davit::cni {
namespace {

std::string_view Data(const nftnl_expr* expression, uint16_t attribute) {
  uint32_t length = 0;
  const void* data = nftnl_expr_get(expression, attribute, &length);
  return data != nullptr ? std::string_view(static_cast<const char*>(data), length) : std::string_view();
}

std::string_view Text(const nftnl_expr* expression, uint16_t attribute) {
  const char* text = nftnl_expr_get_str(expression, attribute);
  return text != nullptr ? text : "";
}

// Calls `visit` with each expression and its name until it returns false.
void VisitExpressions(const nlmsghdr* reply,
                      const std::function<bool(const nftnl_expr*, std::string_view name)>& visit) {
  std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)> rule(nftnl_rule_alloc(), nftnl_rule_free);
  if (!rule) throw std::bad_alloc();
  if (nftnl_rule_nlmsg_parse(reply, rule.get()) < 0) return;
  std::unique_ptr<nftnl_expr_iter, decltype(&nftnl_expr_iter_destroy)> next(
      nftnl_expr_iter_create(rule.get()), nftnl_expr_iter_destroy);
  if (!next) throw std::bad_alloc();
  while (const nftnl_expr* expression = nftnl_expr_iter_next(next.get()))
    if (!visit(expression, Text(expression, NFTNL_EXPR_NAME))) return;
}

// The address field of a packet that the payload expression loads.
std::optional<SetLookup::Field> AddressField(const nftnl_expr* payload) {
  if (nftnl_expr_get_u32(payload, NFTNL_EXPR_PAYLOAD_BASE) != NFT_PAYLOAD_NETWORK_HEADER) return std::nullopt;
  uint32_t offset = nftnl_expr_get_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET);
  if (offset == offsetof(iphdr, saddr) || offset == offsetof(iphdr, daddr))
    return SetLookup::Field::kIpv4Address;
  if (offset == offsetof(ip6_hdr, ip6_src) || offset == offsetof(ip6_hdr, ip6_dst))
    return SetLookup::Field::kIpv6Address;
  return std::nullopt;
}

std::optional<SetLookup::Field> InterfaceField(const nftnl_expr* meta) {
  uint32_t key = nftnl_expr_get_u32(meta, NFTNL_EXPR_META_KEY);
  bool interface = key == NFT_META_IIFNAME || key == NFT_META_OIFNAME;
  return interface ? std::optional(SetLookup::Field::kInterface) : std::nullopt;
}

int FamilyOf(SetLookup::Field field) {
  return field == SetLookup::Field::kIpv4Address ? AF_INET : AF_INET6;
}

std::string LastOf(const Subnet& subnet) {
  std::string last(subnet.base.wire());
  for (int bit = subnet.prefix; bit < static_cast<int>(last.size()) * 8; ++bit)
    last[bit / 8] = static_cast<char>(last[bit / 8] | 0x80 >> bit % 8);
  return last;
}

// Whether all from `first` to `last` is in the intervals; those that touch count as one.
bool IntervalsHave(const std::vector<PodNames::SetElement>& sorted, const std::string& first,
                   const std::string& last) {
  const std::string* begin = nullptr;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const auto& [key, is_end] = sorted[i];
    if (key.size() != first.size()) continue;
    if (!is_end) {
      if (begin == nullptr) begin = &key;
      continue;
    }
    bool touches = i + 1 < sorted.size() && sorted[i + 1] == PodNames::SetElement(key, false);
    if (touches) continue;
    if (begin != nullptr && *begin <= first && last < key) return true;
    begin = nullptr;
  }
  return begin != nullptr && *begin <= first;
}

}  // namespace

// A set of one interval is a range or, from older versions of nft(8), two comparisons.
bool PodNames::AreIn(const nlmsghdr* rule, std::set<SetLookup>& lookups) const {
  using Field = SetLookup::Field;
  std::optional<Field> field;  // that the last expression has loaded
  std::string_view mask, lowest;
  bool found = false;
  auto compare = [&](uint32_t op, std::string_view data) {
    if (op == NFT_CMP_GTE) lowest = data;
    if (op == NFT_CMP_LTE) found = RangeHasSubnet(*field, lowest, data);
    if (op == NFT_CMP_EQ)
      found = *field == Field::kInterface ? NamesInterface(data) : NamesSubnet(FamilyOf(*field), data, mask);
  };
  VisitExpressions(rule, [&](const nftnl_expr* expression, std::string_view name) {
    if (name == "meta") {
      field = InterfaceField(expression);
    } else if (name == "payload") {
      field = AddressField(expression);
      mask = lowest = {};
    } else if (name == "bitwise") {
      mask = Data(expression, NFTNL_EXPR_BITWISE_MASK);
    } else if (field && name == "lookup") {
      lookups.insert({std::string(Text(expression, NFTNL_EXPR_LOOKUP_SET)), *field});
    } else if (field && name == "cmp") {
      compare(nftnl_expr_get_u32(expression, NFTNL_EXPR_CMP_OP), Data(expression, NFTNL_EXPR_CMP_DATA));
    } else if (field && name == "range" &&
               nftnl_expr_get_u32(expression, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_EQ) {
      found = RangeHasSubnet(*field, Data(expression, NFTNL_EXPR_RANGE_FROM_DATA),
                             Data(expression, NFTNL_EXPR_RANGE_TO_DATA));
    }
    return !found;
  });
  return found;
}

bool PodNames::RangeHasSubnet(SetLookup::Field field, std::string_view first, std::string_view last) const {
  if (field == SetLookup::Field::kInterface) return false;
  return std::ranges::any_of(subnets_, [&](const Subnet& subnet) {
    return subnet.base.family == FamilyOf(field) && first.size() == subnet.base.size() &&
           last.size() == first.size() && first <= subnet.base.wire() && LastOf(subnet) <= last;
  });
}

// nft(8) pads a name with NUL, iptables-nft ends it with one; without, it is the start of names ("davit*").
bool PodNames::NamesInterface(std::string_view data) const {
  size_t end = data.find('\0');
  if (end != std::string_view::npos) return data.substr(0, end) == bridge_;
  return !data.empty() && bridge_.starts_with(data);
}

// Whether the address bytes `data`, of which `mask` counts, are a network that contains a subnet.
bool PodNames::NamesSubnet(int family, std::string_view data, std::string_view mask) const {
  return std::ranges::any_of(subnets_, [&](const Subnet& subnet) {
    if (subnet.base.family != family || data.empty() || data.size() > subnet.base.size()) return false;
    int prefix = 0;
    for (size_t i = 0; i < data.size(); ++i) {
      uint8_t bits = mask.size() == data.size() ? static_cast<uint8_t>(mask[i]) : 0xff;
      prefix += std::popcount(bits);
      if ((subnet.base.bytes[i] & bits) != static_cast<uint8_t>(data[i])) return false;
    }
    return prefix > 0 && prefix <= subnet.prefix;
  });
}

// Where an interval ends and the next begins, both have the same key; the end sorts first.
bool PodNames::AreIn(const std::vector<SetElement>& elements, SetLookup::Field field) const {
  std::vector<SetElement> sorted = elements;
  std::ranges::sort(sorted, {}, [](const SetElement& element) {
    return std::pair(std::string_view(element.first), !element.second);
  });
  bool intervals = std::ranges::any_of(sorted, &SetElement::second);
  auto has = [&](const std::string& first, const std::string& last) {
    if (intervals) return IntervalsHave(sorted, first, last);
    return first == last && std::ranges::find(sorted, first, &SetElement::first) != sorted.end();
  };
  if (field == SetLookup::Field::kInterface) {
    std::string name = bridge_;
    name.resize(IFNAMSIZ, '\0');
    return has(name, name);
  }
  return std::ranges::any_of(subnets_, [&](const Subnet& subnet) {
    return subnet.base.family == FamilyOf(field) && has(std::string(subnet.base.wire()), LastOf(subnet));
  });
}

bool DropsEverything(const nlmsghdr* rule) {
  bool drops = false;
  VisitExpressions(rule, [&](const nftnl_expr* expression, std::string_view name) {
    if (name == "counter" || name == "log") return true;
    // iptables-nft keeps what nftables has no expression for as its own matches and targets.
    if (name == "match") return Text(expression, NFTNL_EXPR_MT_NAME) == "comment";
    if (name == "immediate")
      drops = nftnl_expr_is_set(expression, NFTNL_EXPR_IMM_VERDICT) &&
              nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_VERDICT) == NF_DROP;
    else if (name == "target")
      drops =
          Text(expression, NFTNL_EXPR_TG_NAME) == "REJECT" || Text(expression, NFTNL_EXPR_TG_NAME) == "DROP";
    else
      drops = name == "reject";
    return false;
  });
  return drops;
}

}  // namespace davit::cni
