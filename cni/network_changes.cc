// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/network_changes.h"

#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <optional>

#include "cni/bridge_plan.h"

namespace davit::cni {
namespace {

// Of family AF_BRIDGE: the options of a port, which the announcements of family AF_UNSPEC follow only later.
std::optional<bool> HairpinOfPort(const nlmsghdr* event) {
  std::vector<const nlattr*> attributes = ParseAttributes(event, sizeof(ifinfomsg), IFLA_PROTINFO);
  if (attributes[IFLA_PROTINFO] == nullptr) return std::nullopt;
  std::string_view mode =
      AttributeBytes(ParseNested(attributes[IFLA_PROTINFO], IFLA_BRPORT_MODE)[IFLA_BRPORT_MODE]);
  return mode.size() == 1 ? std::optional(mode[0] != 0) : std::nullopt;
}

void AddLink(NetworkChanges& changes, const nlmsghdr* event) {
  const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(event));
  auto index = static_cast<uint32_t>(header->ifi_index);
  if (header->ifi_family == AF_UNSPEC) {
    changes.links[index] = {ParseLink(event), event->nlmsg_type == RTM_DELLINK};
  } else if (header->ifi_family == AF_BRIDGE && event->nlmsg_type == RTM_NEWLINK) {
    // It has all that a judgement of a port needs: name, master, flags.
    Link link = ParseLink(event);
    NetworkChanges::LinkState& state = changes.links.try_emplace(index, link, false).first->second;
    state.link.master = link.master;
    if (std::optional<bool> hairpin = HairpinOfPort(event)) state.link.hairpin = *hairpin;
  }
}

void AddForwarding(NetworkChanges& changes, const nlmsghdr* event) {
  const auto* header = static_cast<const netconfmsg*>(mnl_nlmsg_get_payload(event));
  std::vector<const nlattr*> attributes = ParseAttributes(event, sizeof *header, NETCONFA_FORWARDING);
  bool of_host = AttributeU32(attributes[NETCONFA_IFINDEX]) == static_cast<uint32_t>(NETCONFA_IFINDEX_ALL);
  if (of_host && attributes[NETCONFA_FORWARDING] != nullptr &&
      AttributeU32(attributes[NETCONFA_FORWARDING]) == 0)
    changes.forwarding_off.push_back(header->ncm_family);
}

bool ConcernsPorts(const BridgeGoal& goal, uint32_t bridge_index, const NetworkChanges::LinkState& state) {
  const Link& link = state.link;
  if (goal.pods.contains(link.name)) return state.deleted || !IsGoodPort(link, bridge_index);
  bool renamed = !link.alias.empty() &&
                 std::ranges::any_of(goal.pods, [&](const auto& pod) { return pod.second == link.alias; });
  return renamed && !state.deleted;
}

bool ConcernsBridge(const BridgeDevice& device, uint32_t bridge_index,
                    const NetworkChanges::LinkState& state) {
  const Link& link = state.link;
  if (link.index != bridge_index) return link.name == device.name || link.alias == device.alias;
  bool as_it_should_be = !state.deleted && link.name == device.name && link.alias == device.alias &&
                         link.mac == device.mac && (link.flags & IFF_UP) != 0 && !link.snooping &&
                         (!device.filter_bridged || (link.filters_ipv4 && link.filters_ipv6)) &&
                         (device.mtu == 0 || link.mtu == device.mtu);
  return !as_it_should_be;
}

bool ConcernsMtu(const BridgeGoal& goal, const NetworkChanges::LinkState& state) {
  bool uplink = std::ranges::find(goal.uplinks, state.link.index) != goal.uplinks.end();
  return uplink && (state.deleted || state.link.mtu != goal.device.mtu);
}

bool InASubnet(const BridgeDevice& device, const InterfaceAddress& address) {
  return std::ranges::any_of(device.subnets, [&](const Subnet& s) { return s.Contains(address.address); });
}

// Links that go lose their queues first.
bool ConcernsLimits(const BridgeGoal& goal, const NetworkChanges& changes) {
  if (goal.limits.empty()) return false;
  return std::ranges::any_of(changes.unlimited, [&](uint32_t index) {
    auto link = changes.links.find(index);
    return link == changes.links.end() || !link->second.deleted;
  });
}

}  // namespace

void NetworkChanges::Add(const nlmsghdr* event) {
  switch (event->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return AddLink(*this, event);
    case RTM_NEWADDR:
      if (auto address = ParseAddress(event)) added_addresses.push_back(*address);
      return;
    case RTM_DELADDR:
      if (auto address = ParseAddress(event)) removed_addresses.push_back(*address);
      return;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      default_route = default_route || IsDefaultRoute(event);
      return;
    case RTM_DELQDISC:
    case RTM_DELTFILTER:
      unlimited.push_back(
          static_cast<uint32_t>(static_cast<const tcmsg*>(mnl_nlmsg_get_payload(event))->tcm_ifindex));
      return;
    case RTM_NEWNETCONF:
      return AddForwarding(*this, event);
    default:
      return;
  }
}

bool Concerns(const BridgeGoal& goal, uint32_t bridge_index, const NetworkChanges& changes) {
  const BridgeDevice& device = goal.device;
  if (changes.rules || changes.lost || ConcernsLimits(goal, changes)) return true;
  if (device.follow_uplink && changes.default_route) return true;
  for (const auto& [index, state] : changes.links)
    if (ConcernsBridge(device, bridge_index, state) || ConcernsPorts(goal, bridge_index, state) ||
        ConcernsMtu(goal, state))
      return true;
  for (const InterfaceAddress& a : changes.removed_addresses)
    if (a.index == bridge_index || InASubnet(device, a)) return true;  // the latter may have been in its way
  for (const InterfaceAddress& a : changes.added_addresses)
    if (a.index != bridge_index && InASubnet(device, a)) return true;
  return std::ranges::any_of(changes.forwarding_off, [&](int family) { return device.HasFamily(family); });
}

}  // namespace davit::cni
