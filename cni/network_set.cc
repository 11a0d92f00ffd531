// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/network_set.h"

#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>

#include "cni/nft_rule.h"

namespace davit::cni {
namespace {

constexpr size_t kElementsPerRequest = 64;

using SetPtr = std::unique_ptr<nftnl_set, decltype(&nftnl_set_free)>;

SetPtr NewSet(const std::string& table, uint32_t id) {
  SetPtr set(nftnl_set_alloc(), nftnl_set_free);
  if (!set) throw std::bad_alloc();
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, kAnonymousSet);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, kFamilyInet);
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  return set;
}

void AddElement(nftnl_set* set, std::string_view key, uint32_t flags) {
  nftnl_set_elem* element = nftnl_set_elem_alloc();
  if (element == nullptr) throw std::bad_alloc();
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(), static_cast<uint32_t>(key.size()));
  if (flags != 0) nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_FLAGS, flags);
  nftnl_set_elem_add(set, element);
}

// The type of an interface's name, as NftAddressType; a key of two fields shifts the first by six bits.
constexpr uint32_t kInterfaceName = 41;
constexpr uint32_t kTypeBits = 6;

std::string Padded(const std::string& name) {
  std::string padded = name.substr(0, IFNAMSIZ - 1);
  padded.resize(IFNAMSIZ);
  return padded;
}

// `keys` have the size of the set's.
void AppendSet(NetlinkBatch& batch, const std::string& table, uint32_t id, uint32_t type,
               const std::vector<std::string>& keys) {
  SetPtr set = NewSet(table, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, type);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, static_cast<uint32_t>(keys.front().size()));
  nftnl_set_nlmsg_build_payload(
      AddNftRequest(batch, "make nftables set", NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_ACK), set.get());
  for (size_t at = 0; at < keys.size(); at += kElementsPerRequest) {
    SetPtr elements = NewSet(table, id);
    for (size_t i = at; i < std::min(keys.size(), at + kElementsPerRequest); ++i)
      AddElement(elements.get(), keys[i], 0);
    nftnl_set_elems_nlmsg_build_payload(
        AddNftRequest(batch, "fill nftables set", NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK),
        elements.get());
  }
}

// The kernel refuses intervals that overlap. Of two networks one contains the other, or they have nothing in
// common.
std::vector<Subnet> WithoutContained(std::vector<Subnet> networks) {
  std::ranges::sort(networks);
  std::vector<Subnet> left;
  for (const Subnet& network : networks)
    if (left.empty() || !left.back().Overlaps(network)) left.push_back(network);
  return left;
}

// The first address behind the network; none behind the last one of the family.
std::optional<std::string> Behind(const Subnet& network) {
  std::string bytes(network.base.wire());
  int bit = network.prefix;
  while (bit > 0) {
    --bit;
    auto mask = static_cast<char>(0x80 >> bit % 8);
    char& byte = bytes[bit / 8];
    byte = static_cast<char>(byte ^ mask);
    if ((byte & mask) != 0) return bytes;
  }
  return std::nullopt;
}

}  // namespace

void AppendNetworkSet(NetlinkBatch& batch, const std::string& table, uint32_t id, int family,
                      const std::vector<Subnet>& networks) {
  SetPtr set = NewSet(table, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, NftAddressType(family));
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, static_cast<uint32_t>(IpAddress{family, {}}.size()));
  nftnl_set_nlmsg_build_payload(
      AddNftRequest(batch, "make nftables set", NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_ACK), set.get());

  SetPtr elements = NewSet(table, id);
  size_t count = 0;
  auto flush = [&] {
    if (count == 0) return;
    nftnl_set_elems_nlmsg_build_payload(
        AddNftRequest(batch, "fill nftables set", NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK),
        elements.get());
    elements = NewSet(table, id);
    count = 0;
  };
  for (const Subnet& network : WithoutContained(networks)) {
    AddElement(elements.get(), network.base.wire(), 0);
    if (std::optional<std::string> end = Behind(network))
      AddElement(elements.get(), *end, NFT_SET_ELEM_INTERVAL_END);
    if (++count == kElementsPerRequest) flush();
  }
  flush();
}

void AppendInterfaceSet(NetlinkBatch& batch, const std::string& table, uint32_t id,
                        const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  for (const std::string& name : names) keys.push_back(Padded(name));
  AppendSet(batch, table, id, kInterfaceName, keys);
}

void AppendInterfacePairSet(NetlinkBatch& batch, const std::string& table, uint32_t id,
                            const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<std::string> keys;
  for (const auto& [input, output] : pairs) keys.push_back(Padded(input) + Padded(output));
  AppendSet(batch, table, id, kInterfaceName << kTypeBits | kInterfaceName, keys);
}

}  // namespace davit::cni
