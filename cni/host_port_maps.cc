// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/host_port_maps.h"

#include <arpa/inet.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>

#include "cni/netlink_list.h"
#include "cni/nft_rule.h"

namespace davit::cni {
namespace {

// Types as NftAddressType. A key of several fields shifts each by six bits.
constexpr uint32_t kProtocol = 12, kService = 13;
constexpr uint32_t kTypeBits = 6;
constexpr size_t kWord = 4;  // fields of a key are padded to it

constexpr size_t kElementsPerRequest = 64;

struct MapShape {
  const char* name;
  int family;
  bool with_address;  // the key begins with the host's address
};

constexpr std::array<MapShape, 4> kMaps = {{
    {kHostPorts4, AF_INET, false},
    {kHostPorts6, AF_INET6, false},
    {kHostPortsAt4, AF_INET, true},
    {kHostPortsAt6, AF_INET6, true},
}};

constexpr uint32_t AddressBytes(int family) {
  return family == AF_INET ? 4 : 16;
}

struct FreeSet {
  void operator()(nftnl_set* set) const { nftnl_set_free(set); }
};
using SetPtr = std::unique_ptr<nftnl_set, FreeSet>;

SetPtr NewSet(const std::string& table, const char* name) {
  SetPtr set(nftnl_set_alloc());
  if (!set) throw std::bad_alloc();
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, kFamilyInet);
  return set;
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
  return DumpList<HostPort>(socket, batch, [&](const nlmsghdr* reply, auto& ports) {
    SetPtr set = NewSet(table, shape.name);
    ElementSink sink{&shape, &ports};
    if (nftnl_set_elems_nlmsg_parse(reply, set.get()) == 0)
      nftnl_set_elem_foreach(set.get(), TakeElement, &sink);
  });
}

}  // namespace

void AppendHostPortMaps(NetlinkBatch& batch, const std::string& table) {
  uint32_t id = 0;
  for (const MapShape& shape : kMaps) {
    uint32_t address = NftAddressType(shape.family);
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

}  // namespace davit::cni
