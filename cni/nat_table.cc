// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/nat_table.h"

#include <arpa/inet.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include "cni/nft_rule.h"

namespace davit {
namespace {

// Types as nft(8) numbers them (include/datatype.h there); the kernel only stores them for `nft list`. A key
// of several fields shifts each by six bits.
constexpr uint32_t kIpv4 = 7, kIpv6 = 8, kProtocol = 12, kService = 13;
constexpr uint32_t kTypeBits = 6;
constexpr size_t kWord = 4;  // fields of a key are padded to it

// NFTNL_UDATA_TABLE_COMMENT of the userdata that nft(8) keeps with a table: type, length, text with its NUL.
constexpr uint8_t kCommentType = 0;

constexpr size_t kElementsPerRequest = 64;

struct MapShape {
  const char* name;
  int family;
  bool with_address;  // the key begins with the host's address
};

constexpr std::array<MapShape, 4> kMaps = {{
    {"hostports4", AF_INET, false},
    {"hostports6", AF_INET6, false},
    {"hostports_at4", AF_INET, true},
    {"hostports_at6", AF_INET6, true},
}};

constexpr uint32_t AddressBytes(int family) {
  return family == AF_INET ? 4 : 16;
}
constexpr uint32_t AddressType(int family) {
  return family == AF_INET ? kIpv4 : kIpv6;
}

struct BaseChain {
  const char* name;
  const char* type;
  uint32_t hook;
  int32_t priority;
};

constexpr std::array<BaseChain, 4> kBaseChains = {{
    {"prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST},
    {"output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST},
    {"postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC},
    {"guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
}};

constexpr std::array<const char*, 3> kInnerChains = {"hostports", "egress4", "egress6"};

struct FreeSet {
  void operator()(nftnl_set* set) const { nftnl_set_free(set); }
};
using SetPtr = std::unique_ptr<nftnl_set, FreeSet>;

SetPtr NewSet(const std::string& table, const char* name) {
  SetPtr set(nftnl_set_alloc());
  if (!set) throw std::bad_alloc();
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  return set;
}

void AppendChains(NetlinkBatch& batch, const std::string& table) {
  for (const char* name : kInnerChains) {
    nlmsghdr* message =
        AddNftRequest(batch, "make nftables chain", NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK);
    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, table.c_str());
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name);
  }
  for (const BaseChain& chain : kBaseChains) {
    nlmsghdr* message =
        AddNftRequest(batch, "make nftables chain", NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK);
    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, table.c_str());
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, chain.name);
    nlattr* hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
    mnl_attr_put_u32(message, NFTA_HOOK_HOOKNUM, htonl(chain.hook));
    mnl_attr_put_u32(message, NFTA_HOOK_PRIORITY, htonl(static_cast<uint32_t>(chain.priority)));
    mnl_attr_nest_end(message, hook);
    mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, chain.type);
  }
}

void AppendRuleRemoval(NetlinkBatch& batch, const std::string& table) {
  nlmsghdr* message = AddNftRequest(batch, "remove nftables rules", NFT_MSG_DELRULE, NLM_F_ACK);
  mnl_attr_put_strz(message, NFTA_RULE_TABLE, table.c_str());
}

void AppendMaps(NetlinkBatch& batch, const std::string& table) {
  uint32_t id = 0;
  for (const MapShape& shape : kMaps) {
    uint32_t address = AddressType(shape.family);
    uint32_t key_type = kProtocol << kTypeBits | kService;
    uint32_t key_bytes = 2 * kWord;
    if (shape.with_address) {
      key_type |= address << 2 * kTypeBits;
      key_bytes += AddressBytes(shape.family);
    }
    SetPtr set = NewSet(table, shape.name);
    nftnl_set_set_u32(set.get(), NFTNL_SET_ID, ++id);
    nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_MAP);
    nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, key_type);
    nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, key_bytes);
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, address << kTypeBits | kService);
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_LEN, AddressBytes(shape.family) + kWord);
    nlmsghdr* message = AddNftRequest(batch, "make nftables map", NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_ACK);
    nftnl_set_nlmsg_build_payload(message, set.get());
  }
}

constexpr IpAddress kIpv4Loopback{AF_INET, {127}};
constexpr IpAddress kIpv4Multicast{AF_INET, {224}};
constexpr IpAddress kIpv6Loopback{AF_INET6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr IpAddress kIpv6Multicast{AF_INET6, {0xff}};
constexpr Subnet kLoopback4{kIpv4Loopback, 8};
constexpr Subnet kLoopback6{kIpv6Loopback, 128};

// Host ports. An outside neighbour can send to 127.0.0.1 of this host; what is bound there is not for it.
void AppendHostPortRules(NetlinkBatch& batch, const NatTable& table) {
  const std::string& t = table.name;
  NftRule(t, "hostports").DnatByMap(AF_INET, /*with_address=*/true, "hostports_at4").AppendTo(batch);
  NftRule(t, "hostports").DnatByMap(AF_INET, /*with_address=*/false, "hostports4").AppendTo(batch);
  NftRule(t, "hostports").DnatByMap(AF_INET6, /*with_address=*/true, "hostports_at6").AppendTo(batch);
  NftRule(t, "hostports").DnatByMap(AF_INET6, /*with_address=*/false, "hostports6").AppendTo(batch);
  NftRule(t, "prerouting").To(kLoopback4).Return().AppendTo(batch);
  NftRule(t, "prerouting").ToLocalAddress().Jump("hostports").AppendTo(batch);
  NftRule(t, "output").ToLocalAddress().Jump("hostports").AppendTo(batch);
}

// What leaves a pod for outside gets the host's address. Between pods only a connection through a host port
// does: its answer must come back this way. The same holds for one that the host makes to its own loopback
// address.
void AppendMasqueradeRules(NetlinkBatch& batch, const NatTable& table) {
  const std::string& t = table.name;
  for (const Subnet& subnet : table.subnets) {
    bool ipv4 = subnet.base.family == AF_INET;
    const char* egress = ipv4 ? "egress4" : "egress6";
    Subnet multicast = ipv4 ? Subnet{kIpv4Multicast, 4} : Subnet{kIpv6Multicast, 8};
    NftRule(t, "postrouting").From(subnet).Jump(egress).AppendTo(batch);
    NftRule(t, egress).To(subnet).DestinationTranslated().Masquerade().AppendTo(batch);
    NftRule(t, egress).To(subnet).Return().AppendTo(batch);
    NftRule(t, egress).To(multicast).Return().AppendTo(batch);
    NftRule(t, egress).MasqueradeFullyRandom().AppendTo(batch);
  }
  NftRule(t, "postrouting").OutputInterface(table.bridge).From(kLoopback4).Masquerade().AppendTo(batch);
  NftRule(t, "postrouting").OutputInterface(table.bridge).From(kLoopback6).Masquerade().AppendTo(batch);
}

// route_localnet on the bridge, which 127.0.0.1:PORT needs, would also let pods reach what listens on the
// host's 127.0.0.1, and send as if from it. IPv6 has no such switch: the kernel drops ::1 on any wire.
void AppendGuardRules(NetlinkBatch& batch, const NatTable& table) {
  NftRule(table.name, "guard").InputInterface(table.bridge).To(kLoopback4).Drop().AppendTo(batch);
  NftRule(table.name, "guard").InputInterface(table.bridge).From(kLoopback4).Drop().AppendTo(batch);
}

void PutWord(std::string* bytes, std::string_view field) {
  bytes->append(field);
  bytes->append(kWord - field.size(), '\0');
}

std::string_view PortBytes(const uint16_t& network_order) {
  return {reinterpret_cast<const char*>(&network_order), sizeof network_order};
}

uint16_t PortAt(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 | static_cast<uint8_t>(bytes[at + 1]));
}

std::optional<Protocol> ProtocolOf(uint8_t number) {
  for (Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp})
    if (ProtocolNumber(protocol) == number) return protocol;
  return std::nullopt;
}

std::optional<HostPort> Decode(const MapShape& shape, std::string_view key, std::string_view data) {
  size_t address = AddressBytes(shape.family);
  size_t at = shape.with_address ? address : 0;
  if (key.size() < at + 2 * kWord || data.size() < address + kWord) return std::nullopt;
  std::optional<Protocol> protocol = ProtocolOf(static_cast<uint8_t>(key[at]));
  if (!protocol) return std::nullopt;
  HostPort port{
      *protocol, {shape.family, {}}, PortAt(key, at + kWord), {shape.family, {}}, PortAt(data, address)};
  std::ranges::copy(key.substr(0, at), port.host_ip.bytes.begin());
  std::ranges::copy(data.substr(0, address), port.pod.bytes.begin());
  return port;
}

struct ElementSink {
  const MapShape* shape;
  std::vector<HostPort>* ports;
};

int TakeElement(nftnl_set_elem* element, void* opaque) {
  auto* sink = static_cast<ElementSink*>(opaque);
  uint32_t key_length = 0;
  uint32_t data_length = 0;
  const auto* key = static_cast<const char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &key_length));
  const auto* data = static_cast<const char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_DATA, &data_length));
  if (key == nullptr || data == nullptr) return 0;
  if (auto port = Decode(*sink->shape, {key, key_length}, {data, data_length})) sink->ports->push_back(*port);
  return 0;
}

Result<std::vector<HostPort>> ListMap(NetlinkSocket& socket, const std::string& table,
                                      const MapShape& shape) {
  NetlinkBatch batch;
  nlmsghdr* message = AddNftRequest(batch, "list nftables map", NFT_MSG_GETSETELEM, NLM_F_DUMP);
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table.c_str());
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, shape.name);
  std::vector<HostPort> ports;
  TRY(socket.Dump(
      batch,
      [&](const nlmsghdr* reply) {
        SetPtr set = NewSet(table, shape.name);
        ElementSink sink{&shape, &ports};
        if (nftnl_set_elems_nlmsg_parse(reply, set.get()) == 0)
          nftnl_set_elem_foreach(set.get(), TakeElement, &sink);
      },
      [&] { ports.clear(); }));
  return ports;
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

void AppendNatTable(NetlinkBatch& batch, const NatTable& table, uint32_t flags) {
  AppendTableTakeover(batch, table, flags);
  AppendChains(batch, table.name);
  AppendRuleRemoval(batch, table.name);
  AppendMaps(batch, table.name);
  AppendHostPortRules(batch, table);
  AppendMasqueradeRules(batch, table);
  AppendGuardRules(batch, table);
}

void AppendTableTakeover(NetlinkBatch& batch, const NatTable& table, uint32_t flags) {
  nlmsghdr* message = AddNftRequest(batch, "make nftables table", NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, table.name.c_str());
  mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(flags));
  std::string comment = kTableCommentPrefix + table.bridge;
  std::string userdata{static_cast<char>(kCommentType), static_cast<char>(comment.size() + 1)};
  userdata.append(comment.c_str(), comment.size() + 1);
  mnl_attr_put(message, NFTA_TABLE_USERDATA, userdata.size(), userdata.data());
}

void AppendTableDeletion(NetlinkBatch& batch, const std::string& name) {
  nlmsghdr* message = AddNftRequest(batch, "delete nftables table", NFT_MSG_DELTABLE, NLM_F_ACK);
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, name.c_str());
}

MapElement EncodeHostPort(const HostPort& port) {
  bool with_address = !port.host_ip.IsUnspecified();
  MapElement element;
  for (const MapShape& shape : kMaps)
    if (shape.family == port.host_ip.family && shape.with_address == with_address) element.map = shape.name;
  if (with_address) element.key = port.host_ip.wire();
  char protocol = static_cast<char>(ProtocolNumber(port.protocol));
  PutWord(&element.key, {&protocol, 1});
  PutWord(&element.key, PortBytes(htons(port.port)));
  element.data = port.pod.wire();
  PutWord(&element.data, PortBytes(htons(port.pod_port)));
  return element;
}

void AppendElements(NetlinkBatch& batch, const std::string& table, uint8_t type,
                    const std::vector<HostPort>& ports) {
  bool add = type == NFT_MSG_NEWSETELEM;
  const char* step = add ? "add host port" : "remove host port";
  for (const MapShape& shape : kMaps) {
    SetPtr set = NewSet(table, shape.name);
    size_t count = 0;
    auto flush = [&] {
      if (count == 0) return;
      uint16_t flags = NLM_F_ACK | (add ? NLM_F_CREATE : 0);
      nftnl_set_elems_nlmsg_build_payload(AddNftRequest(batch, step, type, flags), set.get());
      set = NewSet(table, shape.name);
      count = 0;
    };
    for (const HostPort& port : ports) {
      MapElement encoded = EncodeHostPort(port);
      if (encoded.map != shape.name) continue;
      nftnl_set_elem* element = nftnl_set_elem_alloc();
      if (element == nullptr) throw std::bad_alloc();
      nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, encoded.key.data(),
                         static_cast<uint32_t>(encoded.key.size()));
      if (add)
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, encoded.data.data(),
                           static_cast<uint32_t>(encoded.data.size()));
      nftnl_set_elem_add(set.get(), element);
      if (++count == kElementsPerRequest) flush();
    }
    flush();
  }
}

Result<std::vector<HostPort>> ListHostPorts(NetlinkSocket& socket, const std::string& table) {
  std::vector<HostPort> all;
  for (const MapShape& shape : kMaps) {
    std::vector<HostPort> ports = TRY(ListMap(socket, table, shape));
    all.insert(all.end(), ports.begin(), ports.end());
  }
  return all;
}

Result<std::vector<TableInfo>> ListTables(NetlinkSocket& socket) {
  NetlinkBatch batch;
  AddNftRequest(batch, "list nftables tables", NFT_MSG_GETTABLE, NLM_F_DUMP);
  std::vector<TableInfo> tables;
  TRY(socket.Dump(
      batch,
      [&](const nlmsghdr* reply) {
        std::vector<const nlattr*> attributes = ParseAttributes(reply, sizeof(nfgenmsg), NFTA_TABLE_MAX);
        tables.push_back({AttributeText(attributes[NFTA_TABLE_NAME]),
                          CommentIn(AttributeBytes(attributes[NFTA_TABLE_USERDATA]))});
      },
      [&] { tables.clear(); }));
  return tables;
}

}  // namespace davit
