// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_goal.h"

#include <sys/socket.h>

#include <algorithm>

namespace davit::cni {

bool BridgeDevice::HasFamily(int family) const {
  return std::ranges::any_of(subnets, [&](const Subnet& s) { return s.base.family == family; });
}

std::vector<Setting> HostSettings(const BridgeDevice& device) {
  std::vector<Setting> settings;
  if (device.HasFamily(AF_INET)) settings.push_back({"net/ipv4/ip_forward", "1"});
  if (device.HasFamily(AF_INET6)) settings.push_back({kIpv6Forwarding, "1"});
  return settings;
}

// route_localnet lets 127.0.0.1:PORT lead into a pod (the guard chain keeps pods from using it the other
// way). Pods are not routers: what they advertise or redirect is nothing to the host.
std::vector<Setting> DeviceSettings(const BridgeDevice& device, bool kernel_has_ipv6) {
  const std::string ipv4 = "net/ipv4/conf/" + device.name + "/";
  const std::string ipv6 = "net/ipv6/conf/" + device.name + "/";
  std::vector<Setting> settings = {{ipv4 + "route_localnet", "1"}, {ipv4 + "accept_redirects", "0"}};
  if (!kernel_has_ipv6) return settings;
  // A host may switch IPv6 off for all of its interfaces; this one gets an address.
  if (device.HasFamily(AF_INET6)) settings.push_back({ipv6 + "disable_ipv6", "0"});
  for (const char* off : {"accept_ra", "accept_redirects", "accept_dad", "autoconf"})
    settings.push_back({ipv6 + off, "0"});
  return settings;
}

Setting RouterAdvertisements(const std::string& link) {
  return {"net/ipv6/conf/" + link + "/accept_ra", "2"};
}

std::optional<uint32_t> MtuOfUplinks(const BridgeFacts& facts, const BridgeDevice& device) {
  std::optional<uint32_t> smallest;
  for (const Link& link : facts.links)
    if (std::ranges::find(facts.uplinks, link.index) != facts.uplinks.end())
      smallest = std::min(smallest.value_or(kMaxMtu), link.mtu);
  if (smallest) smallest = std::max(*smallest, device.HasFamily(AF_INET6) ? kMinMtuIpv6 : kMinMtu);
  return smallest;
}

}  // namespace davit::cni
