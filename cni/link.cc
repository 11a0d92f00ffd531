// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/link.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

#include "cni/netlink_list.h"

namespace davit::cni {
namespace {

constexpr size_t kRemovalsPerBatch = 256;

bool IsOn(const nlattr* attribute) {
  return attribute != nullptr && mnl_attr_get_payload_len(attribute) == 1 && mnl_attr_get_u8(attribute) != 0;
}

}  // namespace

Link ParseLink(const nlmsghdr* message) {
  const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  std::vector<const nlattr*> attributes = ParseAttributes(message, sizeof *header, IFLA_IFALIAS);
  Link link;
  link.index = static_cast<uint32_t>(header->ifi_index);
  link.flags = header->ifi_flags;
  link.master = AttributeU32(attributes[IFLA_MASTER]);
  link.name = AttributeText(attributes[IFLA_IFNAME]);
  link.alias = AttributeText(attributes[IFLA_IFALIAS]);
  link.mtu = AttributeU32(attributes[IFLA_MTU]);
  std::string_view mac = AttributeBytes(attributes[IFLA_ADDRESS]);
  if (mac.size() == link.mac.size()) std::ranges::copy(mac, link.mac.begin());
  std::vector<const nlattr*> info = ParseNested(attributes[IFLA_LINKINFO], IFLA_INFO_SLAVE_DATA);
  link.kind = AttributeText(info[IFLA_INFO_KIND]);
  if (link.kind == "bridge") {
    std::vector<const nlattr*> bridge = ParseNested(info[IFLA_INFO_DATA], IFLA_BR_NF_CALL_IP6TABLES);
    link.snooping = IsOn(bridge[IFLA_BR_MCAST_SNOOPING]);
    link.filters_ipv4 = IsOn(bridge[IFLA_BR_NF_CALL_IPTABLES]);
    link.filters_ipv6 = IsOn(bridge[IFLA_BR_NF_CALL_IP6TABLES]);
  }
  if (AttributeText(info[IFLA_INFO_SLAVE_KIND]) == "bridge")
    link.hairpin = IsOn(ParseNested(info[IFLA_INFO_SLAVE_DATA], IFLA_BRPORT_MODE)[IFLA_BRPORT_MODE]);
  return link;
}

std::optional<InterfaceAddress> ParseAddress(const nlmsghdr* message) {
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  std::vector<const nlattr*> attributes = ParseAttributes(message, sizeof *header, IFA_LOCAL);
  // On a point-to-point link IFA_ADDRESS is the other side; IPv6 knows only IFA_ADDRESS.
  const nlattr* own = attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
  InterfaceAddress found{
      header->ifa_index, {header->ifa_family, {}}, header->ifa_prefixlen, header->ifa_scope};
  std::string_view bytes = AttributeBytes(own);
  bool known = header->ifa_family == AF_INET || header->ifa_family == AF_INET6;
  if (!known || bytes.size() != found.address.size()) return std::nullopt;
  std::ranges::copy(bytes, found.address.bytes.begin());
  return found;
}

namespace {

void AddressRequest(NetlinkBatch& batch, const char* step, uint16_t type, uint16_t flags,
                    const InterfaceAddress& address) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<ifaddrmsg>(step, type, flags | NLM_F_ACK, &message);
  header->ifa_family = static_cast<uint8_t>(address.address.family);
  header->ifa_prefixlen = static_cast<uint8_t>(address.prefix);
  header->ifa_scope = address.scope;
  header->ifa_index = address.index;
  if (address.address.family == AF_INET6) header->ifa_flags = IFA_F_NODAD;
  mnl_attr_put(message, IFA_LOCAL, address.address.size(), address.address.bytes.data());
  mnl_attr_put(message, IFA_ADDRESS, address.address.size(), address.address.bytes.data());
}

}  // namespace

Result<std::optional<Link>> FindLink(NetlinkSocket& socket, const std::string& name) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("get link", RTM_GETLINK, NLM_F_ACK, &message);
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
  mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  std::optional<Link> link;
  TRY(Unless(socket.Execute(batch, [&](const nlmsghdr* reply) { link = ParseLink(reply); }), ENODEV));
  return link;
}

Result<std::vector<Link>> ListLinks(NetlinkSocket& socket) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("list links", RTM_GETLINK, NLM_F_DUMP, &message);
  mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return DumpList<Link>(socket, batch,
                        [](const nlmsghdr* reply, auto& links) { links.push_back(ParseLink(reply)); });
}

Result<> DeleteLink(NetlinkSocket& socket, uint32_t index) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("delete link", RTM_DELLINK, NLM_F_ACK, &message)->ifi_index = static_cast<int>(index);
  return Unless(socket.Execute(batch), ENODEV);
}

Result<> DeleteLinks(NetlinkSocket& socket, std::span<const uint32_t> indexes, uint32_t group) {
  if (indexes.size() == 1) return DeleteLink(socket, indexes.front());
  while (!indexes.empty()) {
    NetlinkBatch marks;
    size_t count = std::min(indexes.size(), kRemovalsPerBatch);
    nlmsghdr* message = nullptr;
    for (uint32_t index : indexes.first(count)) {
      marks.Add<ifinfomsg>("mark link", RTM_SETLINK, NLM_F_ACK, &message)->ifi_index =
          static_cast<int>(index);
      mnl_attr_put_u32(message, IFLA_GROUP, group);
    }
    TRY(Unless(socket.Execute(marks), ENODEV));
    NetlinkBatch deletion;
    deletion.Add<ifinfomsg>("delete links", RTM_DELLINK, NLM_F_ACK, &message);
    mnl_attr_put_u32(message, IFLA_GROUP, group);
    TRY(Unless(socket.Execute(deletion), ENODEV));
    indexes = indexes.subspan(count);
  }
  return {};
}

Result<std::vector<InterfaceAddress>> ListAddresses(NetlinkSocket& socket) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<ifaddrmsg>("list addresses", RTM_GETADDR, NLM_F_DUMP, &message);
  return DumpList<InterfaceAddress>(socket, batch, [](const nlmsghdr* reply, auto& addresses) {
    if (auto address = ParseAddress(reply)) addresses.push_back(*address);
  });
}

void AddAddress(NetlinkBatch& batch, const InterfaceAddress& address) {
  AddressRequest(batch, "add address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, address);
}

void RemoveAddress(NetlinkBatch& batch, const InterfaceAddress& address) {
  AddressRequest(batch, "remove address", RTM_DELADDR, 0, address);
}

void SetMtu(NetlinkBatch& batch, uint32_t index, uint32_t mtu) {
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("set MTU", RTM_SETLINK, NLM_F_ACK, &message)->ifi_index = static_cast<int>(index);
  mnl_attr_put_u32(message, IFLA_MTU, mtu);
}

void SetLinkUp(NetlinkBatch& batch, uint32_t index) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<ifinfomsg>("set link up", RTM_NEWLINK, NLM_F_ACK, &message);
  header->ifi_index = static_cast<int>(index);
  header->ifi_flags = header->ifi_change = IFF_UP;
}

void PutPortOptions(nlmsghdr* message, const PortOptions& options) {
  mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, "bridge");
  nlattr* port = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
  if (options.hairpin) mnl_attr_put_u8(message, IFLA_BRPORT_MODE, 1);
  if (options.isolated) mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, 1);
  mnl_attr_nest_end(message, port);
}

void PutNoIpv6Address(nlmsghdr* message) {
  nlattr* families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
  nlattr* inet6 = mnl_attr_nest_start(message, AF_INET6);
  mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(message, inet6);
  mnl_attr_nest_end(message, families);
}

// Options of a port are ignored in the request that makes it one.
void AddPort(NetlinkBatch& batch, uint32_t index, uint32_t bridge_index) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<ifinfomsg>("make link a port of the bridge", RTM_SETLINK, NLM_F_ACK, &message);
  header->ifi_index = static_cast<int>(index);
  header->ifi_flags = header->ifi_change = IFF_UP;
  mnl_attr_put_u32(message, IFLA_MASTER, bridge_index);
  batch.Add<ifinfomsg>("set port options", RTM_NEWLINK, NLM_F_ACK, &message)->ifi_index =
      static_cast<int>(index);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  PutPortOptions(message);
  mnl_attr_nest_end(message, info);
}

}  // namespace davit::cni
