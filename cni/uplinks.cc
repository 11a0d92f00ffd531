// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of link.h about default routes.
#include <linux/rtnetlink.h>

#include <algorithm>

#include "cni/link.h"
#include "cni/netlink_list.h"

namespace davit::cni {
namespace {

struct Candidate {
  int family = AF_INET;
  uint32_t metric = 0;
  std::vector<uint32_t> links;
};

std::vector<uint32_t> LinksOf(const std::vector<const nlattr*>& route) {
  if (route[RTA_OIF] != nullptr) return {AttributeU32(route[RTA_OIF])};
  std::vector<uint32_t> links;
  std::string_view hops = AttributeBytes(route[RTA_MULTIPATH]);
  while (hops.size() >= sizeof(rtnexthop)) {
    rtnexthop hop{};
    std::copy_n(hops.data(), sizeof hop, reinterpret_cast<char*>(&hop));
    links.push_back(static_cast<uint32_t>(hop.rtnh_ifindex));
    if (hop.rtnh_len < sizeof hop) break;
    hops.remove_prefix(std::min<size_t>(hops.size(), RTNH_ALIGN(hop.rtnh_len)));
  }
  return links;
}

}  // namespace

bool IsDefaultRoute(const nlmsghdr* message) {
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  return header->rtm_dst_len == 0 && header->rtm_type == RTN_UNICAST && header->rtm_table == RT_TABLE_MAIN &&
         (header->rtm_flags & RTM_F_CLONED) == 0;
}

Result<std::vector<uint32_t>> ListUplinks(NetlinkSocket& socket) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<rtmsg>("list routes", RTM_GETROUTE, NLM_F_DUMP, &message)->rtm_family = AF_UNSPEC;
  auto parse = [](const nlmsghdr* reply, auto& routes) {
    if (reply->nlmsg_type != RTM_NEWROUTE || !IsDefaultRoute(reply)) return;
    const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(reply));
    std::vector<const nlattr*> route = ParseAttributes(reply, sizeof *header, RTA_MULTIPATH);
    routes.push_back({header->rtm_family, AttributeU32(route[RTA_PRIORITY]), LinksOf(route)});
  };
  std::vector<Candidate> routes = TRY(DumpList<Candidate>(socket, batch, parse));
  std::vector<uint32_t> uplinks;
  for (const Candidate& route : routes) {
    bool best = std::ranges::none_of(routes, [&](const Candidate& other) {
      return other.family == route.family && other.metric < route.metric;
    });
    if (best) uplinks.insert(uplinks.end(), route.links.begin(), route.links.end());
  }
  return uplinks;
}

}  // namespace davit::cni
