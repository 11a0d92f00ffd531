// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/route.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <optional>

#include "cni/netlink_list.h"

namespace davit::cni {
namespace {

constexpr uint32_t kLoopbackRouteMetric = 2048;
constexpr in6_addr kLoopback = IN6ADDR_LOOPBACK_INIT;

void PutMetrics(nlmsghdr* message, const Route& route) {
  if (route.mtu == 0 && route.advmss == 0) return;
  nlattr* metrics = mnl_attr_nest_start(message, RTA_METRICS);
  if (route.mtu != 0) mnl_attr_put_u32(message, RTAX_MTU, route.mtu);
  if (route.advmss != 0) mnl_attr_put_u32(message, RTAX_ADVMSS, route.advmss);
  mnl_attr_nest_end(message, metrics);
}

IpAddress AddressIn(int family, const nlattr* attribute) {
  IpAddress address{family, {}};
  std::string_view bytes = AttributeBytes(attribute);
  std::ranges::copy(bytes.substr(0, address.size()), address.bytes.begin());
  return address;
}

std::optional<Route> ParseRoute(const nlmsghdr* message, uint32_t index) {
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  if (message->nlmsg_type != RTM_NEWROUTE || header->rtm_type != RTN_UNICAST) return std::nullopt;
  if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6) return std::nullopt;
  std::vector<const nlattr*> attributes = ParseAttributes(message, sizeof *header, RTA_TABLE);
  if (AttributeU32(attributes[RTA_OIF]) != index) return std::nullopt;
  std::vector<const nlattr*> metrics = ParseNested(attributes[RTA_METRICS], RTAX_ADVMSS);
  return Route{.destination = {AddressIn(header->rtm_family, attributes[RTA_DST]), header->rtm_dst_len},
               .gateway = AddressIn(header->rtm_family, attributes[RTA_GATEWAY]),
               .mtu = AttributeU32(metrics[RTAX_MTU]),
               .advmss = AttributeU32(metrics[RTAX_ADVMSS]),
               .priority = AttributeU32(attributes[RTA_PRIORITY]),
               .table = AttributeU32(attributes[RTA_TABLE]),
               .scope = header->rtm_scope};
}

}  // namespace

Route DefaultRoute(const IpAddress& gateway) {
  return {.destination = {{gateway.family, {}}, 0}, .gateway = gateway};
}

void AddRoute(NetlinkBatch& batch, uint32_t index, const Route& route, OtherRoute other) {
  nlmsghdr* message = nullptr;
  uint16_t flags = NLM_F_CREATE | NLM_F_ACK | (other == OtherRoute::kStays ? NLM_F_EXCL : NLM_F_REPLACE);
  auto* header = batch.Add<rtmsg>("add route", RTM_NEWROUTE, flags, &message);
  const Subnet& destination = route.destination;
  header->rtm_family = static_cast<uint8_t>(destination.base.family);
  header->rtm_dst_len = static_cast<uint8_t>(destination.prefix);
  uint32_t table = route.table != 0 ? route.table : uint32_t{RT_TABLE_MAIN};
  header->rtm_table = table < 256 ? static_cast<uint8_t>(table) : uint8_t{RT_TABLE_UNSPEC};
  header->rtm_protocol = RTPROT_BOOT;
  header->rtm_scope = route.scope;
  if (route.scope == 0 && route.gateway.IsUnspecified()) header->rtm_scope = RT_SCOPE_LINK;
  header->rtm_type = RTN_UNICAST;
  if (destination.prefix > 0)
    mnl_attr_put(message, RTA_DST, destination.base.size(), destination.base.bytes.data());
  if (!route.gateway.IsUnspecified())
    mnl_attr_put(message, RTA_GATEWAY, route.gateway.size(), route.gateway.bytes.data());
  mnl_attr_put_u32(message, RTA_OIF, index);
  if (route.priority != 0) mnl_attr_put_u32(message, RTA_PRIORITY, route.priority);
  if (table >= 256) mnl_attr_put_u32(message, RTA_TABLE, table);
  PutMetrics(message, route);
}

Result<std::vector<Route>> ListRoutes(NetlinkSocket& socket, uint32_t index) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<rtmsg>("list routes", RTM_GETROUTE, NLM_F_DUMP, &message);
  return DumpList<Route>(socket, batch, [&](const nlmsghdr* reply, auto& routes) {
    if (auto route = ParseRoute(reply, index)) routes.push_back(*route);
  });
}

void AddLoopbackRoute(NetlinkBatch& batch, uint32_t index) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<rtmsg>("add local route for ::1", RTM_NEWROUTE,
                                  NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, &message);
  header->rtm_family = AF_INET6;
  header->rtm_dst_len = 128;
  header->rtm_table = RT_TABLE_LOCAL;
  header->rtm_protocol = RTPROT_BOOT;
  header->rtm_scope = RT_SCOPE_UNIVERSE;
  header->rtm_type = RTN_LOCAL;
  mnl_attr_put(message, RTA_DST, sizeof kLoopback, &kLoopback);
  mnl_attr_put_u32(message, RTA_OIF, index);
  mnl_attr_put_u32(message, RTA_PRIORITY, kLoopbackRouteMetric);
}

Result<bool> HasLoopbackRoute(NetlinkSocket& socket, uint32_t index) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<rtmsg>("get route to ::1", RTM_GETROUTE, NLM_F_ACK, &message);
  header->rtm_family = AF_INET6;
  header->rtm_dst_len = 128;
  mnl_attr_put(message, RTA_DST, sizeof kLoopback, &kLoopback);
  mnl_attr_put_u32(message, RTA_OIF, index);
  Result<> found = socket.Execute(batch, [](const nlmsghdr*) {});
  if (!found && found.error().os_errno == ENETUNREACH) return false;
  TRY(std::move(found));
  return true;
}

}  // namespace davit::cni
