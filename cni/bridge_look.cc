// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_look.h"

#include <sys/socket.h>

#include <optional>
#include <utility>

#include "cni/bridge_plan.h"
#include "cni/route.h"
#include "cni/sysctl.h"

namespace davit::cni {
namespace {

Result<> ReadSettings(const std::vector<Setting>& wanted, BridgeFacts& facts) {
  for (const Setting& setting : wanted) {
    Result<std::string> value = ReadSysctl(setting.name);
    if (value)
      facts.settings[setting.name] = std::move(*value);
    else if (value.error().os_errno != ENOENT)
      return std::unexpected(std::move(value).error());
  }
  return {};
}

Result<BridgeFacts> Look(NetlinkSocket& routes, const BridgeDevice& device, std::vector<Link> links) {
  BridgeFacts facts;
  facts.links = std::move(links);
  facts.addresses = TRY(ListAddresses(routes));
  facts.kernel_has_ipv6 = KernelHasIpv6();
  TRY(ReadSettings(HostSettings(device), facts));
  TRY(ReadSettings(DeviceSettings(device, facts.kernel_has_ipv6), facts));
  // Forwarding is switched on once: only then these matter (PlanRepairs).
  if (device.HasFamily(AF_INET6) && facts.settings[kIpv6Forwarding] != "1")
    for (const Link& link : facts.links) TRY(ReadSettings({RouterAdvertisements(link.name)}, facts));
  Result<std::string> all_ipv4 = ReadSysctl("net/bridge/bridge-nf-call-iptables");
  Result<std::string> all_ipv6 = ReadSysctl("net/bridge/bridge-nf-call-ip6tables");
  facts.bridge_netfilter = all_ipv4.has_value();
  facts.filters_all_ipv4 = all_ipv4.value_or("0") != "0";
  facts.filters_all_ipv6 = all_ipv6.value_or("0") != "0";
  if (device.follow_uplink) facts.uplinks = TRY(ListUplinks(routes));
  const Link* bridge = FindBridge(facts.links, device);
  if (bridge != nullptr && device.HasFamily(AF_INET6))
    facts.loopback_route = TRY(HasLoopbackRoute(routes, bridge->index));
  return facts;
}

}  // namespace

Result<BridgeFacts> LookAtBridge(NetlinkSocket& routes, const BridgeGoal& goal) {
  BridgeFacts facts = TRY(Look(routes, goal.device, TRY(ListLinks(routes))));
  if (!goal.limits.empty()) facts.traffic = TRY(ListTrafficLimits(routes, facts.links, goal.limits));
  return facts;
}

Result<BridgeFacts> LookAtDevice(NetlinkSocket& routes, const BridgeDevice& device) {
  std::optional<Link> link = TRY(FindLink(routes, device.name));
  return Look(routes, device, link ? std::vector<Link>{*link} : std::vector<Link>());
}

}  // namespace davit::cni
