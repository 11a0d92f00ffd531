// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/veth.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <utility>

#include "base/guarded.h"
#include "base/time.h"
#include "cni/netns.h"
#include "cni/sysctl.h"

namespace davit::cni {
namespace {

constexpr int64_t kIpv6SettlesWithinMs = 200;

constexpr uint32_t kLoopbackIndex = 1;  // LOOPBACK_IFINDEX: in every network namespace

void PutPeer(nlmsghdr* message, const VethPair& pair) {
  nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  mnl_attr_put_strz(message, IFLA_IFNAME, pair.pod_name.c_str());
  if (pair.pod_mac != MacAddress{})
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

// Alias and port options are ignored at creation: they need a request of their own, for an existing link. A
// port of a bridge has no use for an IPv6 address; without one it sends no neighbour discovery into the
// bridge either.
void AddHostEndOptions(NetlinkBatch& batch, const VethPair& pair) {
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("set veth options", RTM_NEWLINK, NLM_F_ACK, &message);
  mnl_attr_put_strz(message, IFLA_IFNAME, pair.host_name.c_str());
  mnl_attr_put_strz(message, IFLA_IFALIAS, pair.alias.c_str());
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  PutPortOptions(message, pair.port);
  mnl_attr_nest_end(message, info);
  if (pair.ipv6) PutNoIpv6Address(message);
}

// Whether the namespace takes packets for the address as its own.
Result<bool> IsLocal(NetlinkSocket& socket, const IpAddress& address) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<rtmsg>("get route", RTM_GETROUTE, NLM_F_ACK, &message);
  header->rtm_family = static_cast<uint8_t>(address.family);
  header->rtm_dst_len = static_cast<uint8_t>(address.size() * 8);
  mnl_attr_put(message, RTA_DST, address.size(), address.bytes.data());
  bool local = false;
  Result<> asked = socket.Execute(batch, [&](const nlmsghdr* reply) {
    if (reply->nlmsg_type == RTM_NEWROUTE)
      local = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(reply))->rtm_type == RTN_LOCAL;
  });
  TRY(Unless(std::move(asked), ENETUNREACH));
  return local;
}

Result<> CreatePair(NetlinkSocket& host, const VethPair& pair) {
  // Not one send(2): the second request would go to whoever has the name already.
  NetlinkBatch creation;
  AddCreation(creation, pair);
  NetlinkBatch options;
  AddHostEndOptions(options, pair);
  TRY(host.Execute(creation));
  // Until it has its alias, nobody else knows whose the link is.
  Result<> done = Guarded("set options of", pair.host_name, [&] { return host.Execute(options); });
  if (done) return {};
  Result<std::optional<Link>> made = FindLink(host, pair.host_name);
  if (made && *made) (void)DeleteLink(host, (*made)->index);  // nothing better to say than what failed first
  return done;
}

// A process that died in the middle leaves a pair without an alias, at worst.
Result<> RemoveLeftover(NetlinkSocket& host, const VethPair& pair) {
  std::optional<Link> link = TRY(FindLink(host, pair.host_name));
  if (!link)
    return Fail(Code::kAlreadyExists, "create veth pair", pair.pod_name,
                "it exists in the pod's network namespace");
  if (link->master == pair.bridge_index && (link->alias == pair.alias || link->alias.empty()))
    return DeleteLink(host, link->index);
  return Fail(Code::kAlreadyExists, "create veth pair", pair.host_name,
              link->alias.empty() ? "the link is not ours" : "the link belongs to sandbox " + link->alias);
}

// The interface's index is asked for: it is 2 only where a namespace does not start with tunnel devices
// (net.core.fb_tunnels_only_for_init_net), and an index for the peer is ignored at creation unless both ends
// get one.
Result<> Configure(NetlinkSocket& pod, const PodInterface& interface) {
  std::optional<Link> link = TRY(FindLink(pod, interface.name));
  if (!link) return Fail(Code::kNotFound, "get link", interface.name, "the pod's interface vanished");
  NetlinkBatch batch;
  if (interface.loopback) SetLinkUp(batch, kLoopbackIndex);
  SetLinkUp(batch, link->index);
  for (const PodAddress& a : interface.addresses)
    AddAddress(batch, {link->index, a.address, a.prefix, RT_SCOPE_UNIVERSE});
  if (interface.other_routes == OtherRoute::kIsReplaced) {
    for (const Route& route : interface.routes) AddRoute(batch, link->index, route, OtherRoute::kIsReplaced);
    return pod.Execute(batch);
  }
  TRY(pod.Execute(batch));
  for (const Route& route : interface.routes) {
    NetlinkBatch one;
    AddRoute(one, link->index, route, OtherRoute::kStays);
    TRY(Unless(pod.Execute(one), EEXIST));
  }
  return {};
}

Result<> EnableIpv6(int netns_fd, const std::string& name) {
  return RunInNetns(netns_fd, [&]() -> Result<> {
    for (const std::string& interface : {std::string("lo"), name})
      TRY(EnsureSysctl("net/ipv6/conf/" + interface + "/disable_ipv6", "0"));
    return {};
  });
}

}  // namespace

Result<> CreateVeth(NetlinkSocket& host, const VethPair& pair) {
  Result<> made = CreatePair(host, pair);
  if (made || made.error().os_errno != EEXIST) return made;
  TRY(RemoveLeftover(host, pair));
  return CreatePair(host, pair);
}

Result<NetlinkSocket> EnterPod(int netns_fd) {
  Result<NetlinkSocket> socket = Fail(Code::kInternal, "open netlink socket", "pod");
  TRY(RunInNetns(netns_fd, [&]() -> Result<> {
    socket = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
    return {};
  }));
  return socket;
}

// A namespace may have IPv6 off by default: EACCES.
Result<> ConfigurePod(int netns_fd, NetlinkSocket& pod, const PodInterface& interface) {
  Result<> configured = Configure(pod, interface);
  if (configured || configured.error().os_errno != EACCES) return configured;
  TRY(EnableIpv6(netns_fd, interface.name));
  return Configure(pod, interface);
}

Result<> SettleCarrier(NetlinkSocket& host, const VethPair& pair) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("settle carrier", RTM_GETLINK, NLM_F_ACK, &message);
  mnl_attr_put_strz(message, IFLA_IFNAME, pair.host_name.c_str());
  mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  auto* bridge = batch.Add<ifinfomsg>("settle carrier", RTM_GETLINK, NLM_F_ACK, &message);
  bridge->ifi_index = static_cast<int>(pair.bridge_index);
  mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return host.Execute(batch);
}

Result<> SettleIpv6(NetlinkSocket& pod, const std::vector<PodAddress>& addresses) {
  int64_t deadline_ms = MonotonicMilliseconds() + kIpv6SettlesWithinMs;
  bool subscribed = false;
  for (const PodAddress& a : addresses) {
    while (a.address.family == AF_INET6 && !TRY(IsLocal(pod, a.address))) {
      if (std::exchange(subscribed, true)) {
        if (!TRY(pod.WaitForEvent(deadline_ms))) return {};
      } else {
        TRY(pod.Subscribe(RTNLGRP_IPV6_ROUTE));  // and look again, for what happened meanwhile
      }
    }
  }
  return {};
}

Result<> BringLoopbackUp(int netns_fd) {
  return RunInNetns(netns_fd, []() -> Result<> {
    NetlinkSocket pod = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
    NetlinkBatch batch;
    SetLinkUp(batch, kLoopbackIndex);
    return pod.Execute(batch);
  });
}

}  // namespace davit::cni
