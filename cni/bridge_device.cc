// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_device.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <optional>

#include "cni/link.h"
#include "cni/names.h"
#include "cni/sysctl.h"

namespace davit::cni {
namespace {

// Behind the route that lo has for ::1, which keeps its meaning for what starts on the host.
constexpr uint32_t kLoopbackRouteMetric = 2048;

Result<> CreateDevice(NetlinkSocket& socket, const BridgeDevice& device) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("create bridge", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &message);
  MacAddress mac = BridgeMac(device.name);
  mnl_attr_put_strz(message, IFLA_IFNAME, device.name.c_str());
  mnl_attr_put(message, IFLA_ADDRESS, mac.size(), mac.data());
  if (device.mtu != 0) mnl_attr_put_u32(message, IFLA_MTU, device.mtu);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
  mnl_attr_nest_end(message, info);
  TRY(socket.Execute(batch));

  NetlinkBatch mark;  // an alias is ignored at creation
  mark.Add<ifinfomsg>("set bridge alias", RTM_SETLINK, NLM_F_ACK, &message);
  mnl_attr_put_strz(message, IFLA_IFNAME, device.name.c_str());
  mnl_attr_put_strz(message, IFLA_IFALIAS, device.alias.c_str());
  return socket.Execute(mark);
}

// Snooping restricts groups to the ports that have asked for them once a querier is seen, and here is none.
// While it is on, each port that comes or goes starts it anew on all the others.
Result<> SwitchOffSnooping(NetlinkSocket& socket, uint32_t index) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<ifinfomsg>("switch off multicast snooping", RTM_NEWLINK, NLM_F_ACK, &message);
  header->ifi_index = static_cast<int>(index);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  mnl_attr_put_u8(message, IFLA_BR_MCAST_SNOOPING, 0);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
  return socket.Execute(batch);
}

Result<Link> FindOrCreate(NetlinkSocket& socket, const BridgeDevice& device) {
  std::optional<Link> link = TRY(FindLink(socket, device.name));
  if (!link) {
    TRY(CreateDevice(socket, device));
    link = TRY(FindLink(socket, device.name));
  }
  if (!link) return Fail(Code::kUnavailable, "make bridge", device.name, "it vanished at once");
  if (link->kind == "bridge" && link->alias == device.alias) return *link;
  return Fail(Code::kFailedPrecondition, "take over bridge", device.name,
              "the link exists and was not made for this purpose (no alias \"" + device.alias + "\")");
}

Result<> FailOnOverlap(const std::vector<InterfaceAddress>& addresses, uint32_t index,
                       const BridgeDevice& device) {
  for (const InterfaceAddress& a : addresses) {
    if (a.index == index || a.scope != RT_SCOPE_UNIVERSE) continue;
    for (const Subnet& subnet : device.subnets) {
      if (!subnet.Contains(a.address)) continue;
      char name[IF_NAMESIZE] = "";
      return Fail(Code::kFailedPrecondition, "use subnet", subnet.ToString(),
                  "address " + a.address.ToString() + " of interface " +
                      (if_indextoname(a.index, name) != nullptr ? name : std::to_string(a.index)) +
                      " lies in it");
    }
  }
  return {};
}

Result<> SetAddresses(NetlinkSocket& socket, const std::vector<InterfaceAddress>& present, uint32_t index,
                      const BridgeDevice& device) {
  NetlinkBatch batch;
  SetLinkUp(batch, index);
  for (const InterfaceAddress& a : present)
    if (a.index == index && a.scope == RT_SCOPE_UNIVERSE &&
        std::ranges::find(device.gateways, a.address) == device.gateways.end())
      RemoveAddress(batch, a);
  for (size_t i = 0; i < device.subnets.size(); ++i)
    AddAddress(batch, {index, device.gateways[i], device.subnets[i].prefix, RT_SCOPE_UNIVERSE});
  return socket.Execute(batch);
}

// Makes the host ports answer on ::1. Answers come in on the bridge with ::1 as their destination once the
// translation is undone, and the kernel wants a local route on the interface that a packet came in on.
Result<> AddLoopbackRoute(NetlinkSocket& socket, uint32_t index) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<rtmsg>("add local route for ::1", RTM_NEWROUTE,
                                  NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &message);
  header->rtm_family = AF_INET6;
  header->rtm_dst_len = 128;
  header->rtm_table = RT_TABLE_LOCAL;
  header->rtm_protocol = RTPROT_BOOT;
  header->rtm_scope = RT_SCOPE_UNIVERSE;
  header->rtm_type = RTN_LOCAL;
  constexpr in6_addr kLoopback = IN6ADDR_LOOPBACK_INIT;
  mnl_attr_put(message, RTA_DST, sizeof kLoopback, &kLoopback);
  mnl_attr_put_u32(message, RTA_OIF, index);
  mnl_attr_put_u32(message, RTA_PRIORITY, kLoopbackRouteMetric);
  return Unless(socket.Execute(batch), EEXIST);
}

// route_localnet lets 127.0.0.1:PORT lead into a pod (the guard chain keeps pods from using it the other
// way). Pods are not routers: what they advertise or redirect is nothing to the host.
Result<> SetDeviceSysctls(const std::string& name) {
  TRY(EnsureSysctl("net/ipv4/conf/" + name + "/route_localnet", "1"));
  TRY(EnsureSysctl("net/ipv4/conf/" + name + "/accept_redirects", "0"));
  if (!KernelHasIpv6()) return {};
  for (const char* setting : {"accept_ra", "accept_redirects", "accept_dad", "autoconf"})
    TRY(EnsureSysctl("net/ipv6/conf/" + name + "/" + setting, "0"));
  return {};
}

bool HasFamily(const BridgeDevice& device, int family) {
  return std::ranges::any_of(device.subnets, [&](const Subnet& s) { return s.base.family == family; });
}

Result<> KeepRouterAdvertisements(NetlinkSocket& socket, const std::string& bridge) {
  for (const Link& link : TRY(ListLinks(socket))) {
    std::string setting = "net/ipv6/conf/" + link.name + "/accept_ra";
    Result<std::string> value = ReadSysctl(setting);
    if (link.name != bridge && value && *value == "1") TRY(EnsureSysctl(setting, "2"));
  }
  return {};
}

}  // namespace

Result<uint32_t> EnsureBridgeDevice(NetlinkSocket& socket, const BridgeDevice& device) {
  std::vector<InterfaceAddress> addresses = TRY(ListAddresses(socket));
  std::optional<Link> present = TRY(FindLink(socket, device.name));
  TRY(FailOnOverlap(addresses, present ? present->index : 0, device));
  Link link = TRY(FindOrCreate(socket, device));
  TRY(SwitchOffSnooping(socket, link.index));
  TRY(SetDeviceSysctls(device.name));
  TRY(SetAddresses(socket, addresses, link.index, device));
  if (HasFamily(device, AF_INET6)) TRY(AddLoopbackRoute(socket, link.index));
  return link.index;
}

Result<> EnableForwarding(NetlinkSocket& socket, const BridgeDevice& device) {
  if (HasFamily(device, AF_INET)) TRY(EnsureSysctl("net/ipv4/ip_forward", "1"));
  if (!HasFamily(device, AF_INET6)) return {};
  constexpr char kForwarding[] = "net/ipv6/conf/all/forwarding";
  if (TRY(ReadSysctl(kForwarding)) == "1") return {};
  TRY(KeepRouterAdvertisements(socket, device.name));
  return EnsureSysctl(kForwarding, "1");
}

}  // namespace davit::cni
