// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/veth.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include "cni/link.h"

namespace davit {
namespace {

constexpr uint32_t kLoopbackIndex = 1;  // LOOPBACK_IFINDEX: in every network namespace

void PutPeer(nlmsghdr* message, const VethPair& pair) {
  nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  mnl_attr_put_strz(message, IFLA_IFNAME, kPodInterface);
  mnl_attr_put(message, IFLA_ADDRESS, pair.pod_mac.size(), pair.pod_mac.data());
  if (pair.mtu != 0) mnl_attr_put_u32(message, IFLA_MTU, pair.mtu);
  mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<uint32_t>(pair.netns_fd));
  mnl_attr_nest_end(message, peer);
}

void AddCreation(NetlinkBatch& batch, const VethPair& pair) {
  nlmsghdr* message = nullptr;
  auto* header =
      batch.Add<ifinfomsg>("create veth pair", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &message);
  header->ifi_flags = header->ifi_change = IFF_UP;
  mnl_attr_put_strz(message, IFLA_IFNAME, pair.host_name.c_str());
  mnl_attr_put_u32(message, IFLA_MASTER, pair.bridge_index);
  if (pair.mtu != 0) mnl_attr_put_u32(message, IFLA_MTU, pair.mtu);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  PutPeer(message, pair);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
}

// Alias and port options are ignored at creation: they need a request of their own, for an existing link. A port of a
// bridge has no use for an IPv6 address; without one it sends no neighbour discovery into the bridge either.
void AddHostEndOptions(NetlinkBatch& batch, const VethPair& pair) {
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("set veth options", RTM_NEWLINK, NLM_F_ACK, &message);
  mnl_attr_put_strz(message, IFLA_IFNAME, pair.host_name.c_str());
  mnl_attr_put_strz(message, IFLA_IFALIAS, pair.alias.c_str());
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, "bridge");
  nlattr* port = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
  mnl_attr_put_u8(message, IFLA_BRPORT_MODE, 1);  // hairpin
  mnl_attr_nest_end(message, port);
  mnl_attr_nest_end(message, info);
  if (!pair.ipv6) return;
  nlattr* families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
  nlattr* inet6 = mnl_attr_nest_start(message, AF_INET6);
  mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(message, inet6);
  mnl_attr_nest_end(message, families);
}

}  // namespace

Result<> CreateVeth(NetlinkSocket& host, const VethPair& pair) {
  // Not one send(2): the second request would go to whoever has the name already.
  NetlinkBatch creation;
  AddCreation(creation, pair);
  TRY(host.Execute(creation));
  NetlinkBatch options;
  AddHostEndOptions(options, pair);
  Result<> done = host.Execute(options);
  if (done) return {};
  Result<std::optional<Link>> made = FindLink(host, pair.host_name);
  if (made && *made) (void)DeleteLink(host, (*made)->index);  // nothing better to say than what failed first
  return done;
}

Result<> SettleCarrier(NetlinkSocket& host, const std::string& host_name) {
  if (TRY(FindLink(host, host_name))) return {};
  return Fail(Code::kNotFound, "get link", host_name, "the pod's interface vanished");
}

// eth0's index is asked for: it is 2 only where a namespace does not start with tunnel devices
// (net.core.fb_tunnels_only_for_init_net), and an index for the peer is ignored at creation unless both ends get one.
Result<> ConfigurePod(NetlinkSocket& pod, const std::vector<PodAddress>& addresses) {
  std::optional<Link> eth0 = TRY(FindLink(pod, kPodInterface));
  if (!eth0) return Fail(Code::kNotFound, "get link", kPodInterface, "the pod's interface vanished");
  NetlinkBatch batch;
  SetLinkUp(batch, kLoopbackIndex);
  SetLinkUp(batch, eth0->index);
  for (const PodAddress& a : addresses) AddAddress(batch, {eth0->index, a.address, a.prefix, RT_SCOPE_UNIVERSE});
  for (const PodAddress& a : addresses) AddDefaultRoute(batch, eth0->index, a.gateway);
  return pod.Execute(batch);
}

Result<> BringLoopbackUp(int netns_fd) {
  NetlinkSocket pod = TRY(NetlinkSocket::OpenIn(netns_fd, NETLINK_ROUTE));
  NetlinkBatch batch;
  SetLinkUp(batch, kLoopbackIndex);
  return pod.Execute(batch);
}

}  // namespace davit
