// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/link_counters.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

#include "cni/netlink_list.h"

namespace davit::cni {
namespace {

LinkCounters ParseCounters(const nlmsghdr* message) {
  std::vector<const nlattr*> attributes = ParseAttributes(message, sizeof(ifinfomsg), IFLA_STATS64);
  LinkCounters counters;
  counters.name = AttributeText(attributes[IFLA_IFNAME]);
  std::string_view bytes = AttributeBytes(attributes[IFLA_STATS64]);
  rtnl_link_stats64 stats{};  // grows with the kernel
  std::memcpy(&stats, bytes.data(), std::min(bytes.size(), sizeof stats));
  counters.received = {stats.rx_bytes, stats.rx_packets, stats.rx_errors, stats.rx_dropped};
  counters.sent = {stats.tx_bytes, stats.tx_packets, stats.tx_errors, stats.tx_dropped};
  return counters;
}

}  // namespace

Result<std::vector<LinkCounters>> ListLinkCounters(NetlinkSocket& socket) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("list link counters", RTM_GETLINK, NLM_F_DUMP, &message);
  return DumpList<LinkCounters>(socket, batch, [](const nlmsghdr* reply, auto& links) {
    const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(reply));
    if ((header->ifi_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP) links.push_back(ParseCounters(reply));
  });
}

LinkCounters OtherEnd(const LinkCounters& host_end, const std::string& name) {
  return {name, host_end.sent, host_end.received};
}

}  // namespace davit::cni
